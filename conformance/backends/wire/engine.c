/* An example of an engine over the wire, in C: five operators on float64, and their reverse mode.
 *
 * It reads requests, one JSON object a line, on standard input, and answers each with a line on standard output
 * (see messages.py and docs/wire.md). cc -O2 -o engine engine.c -lm; then --backend "wire:./engine".
 */
#include <ctype.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- memory: everything lives until the request is answered -------------------------------------------------- */

typedef struct Block { struct Block *next; } Block;
static Block *blocks;

static void *take(size_t size) {
    Block *block = calloc(1, sizeof(Block) + size);
    if (!block) exit(3);
    block->next = blocks;
    blocks = block;
    return block + 1;
}

static void release(void) {
    while (blocks) { Block *next = blocks->next; free(blocks); blocks = next; }
}

/* ---- JSON: a value is text, a number, or a list of members (of an object: with keys) --------------------------- */

typedef struct Json { char kind; char *key, *text; double number; struct Json *first, *next; } Json;

static const char *at;

static char peek(void) { while (isspace((unsigned char)*at)) at++; return *at; }

static char *string(void) {
    char *out = take(strlen(at)), *end = out;
    for (at++; *at && *at != '"'; at++) *end++ = *at == '\\' ? *++at : *at; /* \u is not needed: names are ASCII */
    if (*at) at++;
    return out;
}

static Json *value(void) {
    Json *v = take(sizeof *v);
    char c = peek();
    if (c == '"') { v->kind = 's'; v->text = string(); return v; }
    if (c == '{' || c == '[') {
        Json **tail = &v->first;
        v->kind = c;
        for (at++; peek() && *at != '}' && *at != ']';) {
            char *key = NULL;
            if (c == '{') { key = string(); peek(); at++; }
            *tail = value();
            (*tail)->key = key;
            tail = &(*tail)->next;
            if (peek() == ',') at++;
        }
        if (*at) at++;
        return v;
    }
    if (isalpha((unsigned char)c)) { v->kind = *at; while (isalpha((unsigned char)*at)) at++; return v; }
    v->kind = 'n';
    char *end;
    v->number = strtod(at, &end);
    at = end == at ? at + 1 : end;
    return v;
}

static Json *get(Json *object, const char *key) {
    for (Json *m = object ? object->first : NULL; m; m = m->next) if (m->key && !strcmp(m->key, key)) return m;
    return NULL;
}

static const char *text(Json *object, const char *key) { Json *m = get(object, key); return m && m->text ? m->text : ""; }

/* ---- tensors ------------------------------------------------------------------------------------------------- */

enum { MAX_RANK = 16 };
typedef struct { int rank; long shape[MAX_RANK], size; double *data; } Tensor;

static Tensor *tensor(int rank, const long *shape) {
    Tensor *t = take(sizeof *t);
    t->rank = rank;
    t->size = 1;
    for (int i = 0; i < rank; i++) t->size *= t->shape[i] = shape[i];
    t->data = take(sizeof(double) * (t->size + 1));
    return t;
}

/* Where element i of a result of this shape is found in an operand that was broadcast to it. */
static long source(const Tensor *result, long i, const Tensor *operand) {
    long place = 0, step = 1;
    for (int d = result->rank - 1, k = operand->rank - 1; d >= 0; d--, k--) {
        long index = i % result->shape[d];
        i /= result->shape[d];
        if (k < 0) continue;
        if (operand->shape[k] > 1) place += index * step;
        step *= operand->shape[k];
    }
    return place;
}

static Tensor *broadcast(const Tensor *a, const Tensor *b) {
    long shape[MAX_RANK];
    int rank = a->rank > b->rank ? a->rank : b->rank;
    for (int d = 0; d < rank; d++) {
        int i = d - (rank - a->rank), k = d - (rank - b->rank);
        long m = i < 0 ? 1 : a->shape[i], n = k < 0 ? 1 : b->shape[k];
        if (m != n && m != 1 && n != 1) return NULL;
        shape[d] = m == 1 ? n : m;
    }
    return tensor(rank, shape);
}

/* ---- leaf data: base64 of float64, or a pattern (leafdata.py says which) --------------------------------------- */

static void decode(const char *s, double *out, long count) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned char *bytes = (unsigned char *)out;
    unsigned bits = 0, held = 0;
    long n = 0;
    for (; *s && *s != '=' && n < count * 8; s++) {
        const char *d = strchr(digits, *s);
        if (!d) continue;
        bits = bits << 6 | (unsigned)(d - digits);
        if ((held += 6) >= 8) bytes[n++] = (unsigned char)(bits >> (held -= 8));
    }
}

static uint64_t splitmix(uint64_t seed, uint64_t i) {
    uint64_t z = seed + (i + 1) * 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

static uint64_t seed_of_order;
static int by_draw(const void *a, const void *b) {
    uint64_t x = splitmix(seed_of_order, *(const long *)a), y = splitmix(seed_of_order, *(const long *)b);
    return x < y ? -1 : x > y;
}

static void draw(Json *pattern, Tensor *t) {
    Json *seed = pattern->first->next;
    const char *kind = pattern->first->text;
    double low = strtod(seed->next->text, NULL), high = strtod(seed->next->next->text, NULL);
    seed_of_order = (uint64_t)seed->number;
    if (!strcmp(kind, "distinct")) {
        long *order = take(sizeof(long) * (t->size + 1));
        for (long i = 0; i < t->size; i++) order[i] = i;
        qsort(order, t->size, sizeof(long), by_draw);
        for (long r = 0; r < t->size; r++) t->data[order[r]] = low + (high - low) * (r + 0.5) / t->size;
        return;
    }
    for (long i = 0; i < t->size; i++) {
        double u = (double)(splitmix(seed_of_order, i) >> 11) * 0x1p-53;
        t->data[i] = !strcmp(kind, "constant") ? low
                   : !strcmp(kind, "uniform")  ? low + (high - low) * u
                                               : floor(4 * low + (4 * high - 4 * low + 1) * u) / 4;
    }
}

static Tensor *leaf(Json *step) {
    long shape[MAX_RANK];
    int rank = 0;
    for (Json *n = get(step, "shape")->first; n && rank < MAX_RANK; n = n->next) shape[rank++] = (long)n->number;
    Tensor *t = tensor(rank, shape);
    Json *data = get(step, "data"), *bytes = get(data, "bytes");
    if (bytes) decode(bytes->text, t->data, t->size); else draw(get(data, "pattern"), t);
    if (!strcmp(text(step, "layout"), "expanded") && rank && shape[0] > 1) /* the first row, seen again and again */
        for (long i = t->size / shape[0]; i < t->size; i++) t->data[i] = t->data[i % (t->size / shape[0])];
    return t;
}

/* ---- the engine: values and operands by step, and one rule an operator ----------------------------------------- */

enum { MAX_STEPS = 4096 };
static Tensor *values[MAX_STEPS], *grads[MAX_STEPS], *kept[MAX_STEPS], *given[MAX_STEPS][2];
static int operands[MAX_STEPS][2];
static const char *names[MAX_STEPS];
static double alphas[MAX_STEPS];

static double number(Json *v) { Json *real = get(v, "float"); return real ? strtod(real->text, NULL) : v->number; }

/* The number that add takes by name: x + alpha y. */
static double alpha(Json *attrs) { return attrs->first ? number(attrs->first->first->next) : 1; }

static int ref(Json *argument) { Json *r = get(argument, "ref"); return r ? (int)r->number : -1; }

/* An operand is the value of a step, or a number. */
static Tensor *operand(int step, int which, Json *argument) {
    int from = operands[step][which] = argument ? ref(argument) : -1;
    if (!argument || from >= 0) return given[step][which] = argument ? values[from] : NULL;
    given[step][which] = tensor(0, NULL);
    given[step][which]->data[0] = number(argument);
    return given[step][which];
}

static const char *call(int step, Json *node) {
    Json *args = get(node, "args")->first;
    const char *op = names[step] = text(node, "op");
    alphas[step] = alpha(get(node, "attrs"));
    Tensor *x = operand(step, 0, args), *y = operand(step, 1, args->next), *out;
    if (!x || (args->next && !y)) return "an operand has no value";
    if (!strcmp(op, "sum")) {
        out = tensor(0, NULL);
        for (long i = 0; i < x->size; i++) out->data[0] += x->data[i];
    } else if (y) {
        if (!(out = broadcast(x, y))) return "the shapes do not broadcast";
        for (long i = 0; i < out->size; i++) {
            double p = x->data[source(out, i, x)], q = y->data[source(out, i, y)];
            out->data[i] = !strcmp(op, "mul") ? p * q : p + alphas[step] * q;
        }
    } else {
        out = tensor(x->rank, x->shape);
        for (long i = 0; i < x->size; i++) out->data[i] = !strcmp(op, "sin") ? sin(x->data[i]) : -x->data[i];
    }
    values[step] = out;
    return NULL;
}

static void add_to(int step, long i, double g) {
    if (step < 0 || !values[step]) return;
    if (!grads[step]) grads[step] = tensor(values[step]->rank, values[step]->shape);
    grads[step]->data[i] += g;
}

static void pull(int step) {
    int a = operands[step][0], b = operands[step][1];
    Tensor *out = values[step], *x = given[step][0], *y = given[step][1], *g = grads[step];
    const char *op = names[step];
    if (!strcmp(op, "sum")) { for (long i = 0; i < x->size; i++) add_to(a, i, g->data[0]); }
    else for (long i = 0; i < out->size; i++) {
        long j = source(out, i, x), k = y ? source(out, i, y) : 0;
        if (!strcmp(op, "mul")) { add_to(a, j, g->data[i] * y->data[k]); add_to(b, k, g->data[i] * x->data[j]); }
        else if (!strcmp(op, "add")) { add_to(a, j, g->data[i]); add_to(b, k, alphas[step] * g->data[i]); }
        else add_to(a, j, !strcmp(op, "sin") ? g->data[i] * cos(x->data[j]) : -g->data[i]);
    }
    if (!x->size && a >= 0 && !grads[a]) grads[a] = tensor(x->rank, x->shape);
    if (y && !y->size && b >= 0 && !grads[b]) grads[b] = tensor(y->rank, y->shape);
    if (!out->size) { /* nothing flows back through an empty result but zeros */
        if (a >= 0 && !grads[a]) grads[a] = tensor(x->rank, x->shape);
        if (y && b >= 0 && !grads[b]) grads[b] = tensor(y->rank, y->shape);
    }
}

/* Lets cotangents flow from the roots down to all that they were computed from. */
static void flow(int step, Json *root, Json *seed) {
    memset(grads, 0, sizeof grads);
    for (; root && seed; root = root->next, seed = seed->next) {
        Tensor *cotangent = values[ref(seed)];
        for (long i = 0; i < cotangent->size; i++) add_to(ref(root), i, cotangent->data[i]);
        if (!cotangent->size && !grads[ref(root)]) grads[ref(root)] = tensor(cotangent->rank, cotangent->shape);
    }
    for (int i = step - 1; i >= 0; i--) if (grads[i] && names[i]) pull(i);
}

static void backward(int step, Json *node, Json **steps) {
    flow(step, get(node, "roots")->first, get(node, "gradients")->first);
    for (int i = 0; i < step; i++) {
        Json *wanted = get(steps[i], "requires_grad");
        if (!grads[i] || names[i] || !wanted || wanted->kind != 't') continue;
        if (!kept[i]) kept[i] = grads[i];
        else for (long k = 0; k < grads[i]->size; k++) kept[i]->data[k] += grads[i]->data[k];
    }
}

/* ---- answers --------------------------------------------------------------------------------------------------- */

static void show(const Tensor *t) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *bytes = (const unsigned char *)t->data;
    long n = t->size * 8;
    fputs("{\"tensor\":\"", stdout);
    for (long i = 0; i < n; i += 3) {
        unsigned v = bytes[i] << 16 | (i + 1 < n ? bytes[i + 1] << 8 : 0) | (i + 2 < n ? bytes[i + 2] : 0);
        putchar(digits[v >> 18]);
        putchar(digits[v >> 12 & 63]);
        putchar(i + 1 < n ? digits[v >> 6 & 63] : '=');
        putchar(i + 2 < n ? digits[v & 63] : '=');
    }
    fputs("\",\"dtype\":\"float64\",\"shape\":[", stdout);
    for (int d = 0; d < t->rank; d++) printf(d ? ",%ld" : "%ld", t->shape[d]);
    fputs("]}", stdout);
}

static void grad(int step, Json *node) {
    flow(step, get(node, "outputs")->first, get(node, "grad_outputs")->first);
    putchar('[');
    for (Json *input = get(node, "inputs")->first; input; input = input->next) {
        Tensor *g = grads[ref(input)];
        if (g) show(g); else fputs("null", stdout);
        if (input->next) putchar(',');
    }
    putchar(']');
}

static void run(Json *request) {
    Json *steps[MAX_STEPS];
    int count = 0;
    memset(values, 0, sizeof values);
    memset(kept, 0, sizeof kept);
    memset(names, 0, sizeof names);
    printf("{\"type\":\"trace\",\"id\":%.0f,\"trace\":{\"steps\":[", get(request, "id")->number);
    for (Json *s = get(get(request, "program"), "steps")->first; s && count < MAX_STEPS; s = s->next, count++) {
        const char *kind = text(s, "step"), *wrong = NULL;
        steps[count] = s;
        if (count) putchar(',');
        if (!strcmp(kind, "leaf")) values[count] = leaf(s);
        else if (!strcmp(kind, "call")) wrong = call(count, s);
        else if (!strcmp(kind, "observe")) values[count] = values[ref(get(s, "value"))];
        else if (!strcmp(kind, "backward")) backward(count, s, steps);
        else if (!strcmp(kind, "grad")) { grad(count, s); continue; }
        else {
            fputs("{\"raised\":\"Unclaimed\",\"message\":\"not a step of this engine\"}", stdout);
            continue;
        }
        if (wrong) printf("{\"raised\":\"RuntimeError\",\"message\":\"%s\"}", wrong);
        else if (values[count] && strcmp(kind, "leaf")) show(values[count]);
        else fputs("null", stdout);
    }
    fputs("],\"gradients\":[", stdout);
    for (int i = 0, some = 0; i < count; i++) {
        if (!kept[i]) continue;
        printf(some++ ? ",[%d," : "[%d,", i);
        show(kept[i]);
        putchar(']');
    }
    fputs("]}}\n", stdout);
}

int main(void) {
    char *line = NULL;
    size_t room = 0;
    while (getline(&line, &room, stdin) > 0) {
        at = line;
        Json *request = value();
        const char *type = text(request, "type");
        if (!strcmp(type, "bye")) break;
        if (!strcmp(type, "hello"))
            puts("{\"type\":\"hello\",\"protocol\":1,\"name\":\"example-c\",\"version\":\"1\",\"family\":\"wire\",\"claims\":"
                 "[\"op:add\",\"op:mul\",\"op:neg\",\"op:sin\",\"op:sum\",\"dtype:float64\",\"vjp\"]}");
        else if (!strcmp(type, "run")) run(request);
        else printf("{\"type\":\"died\",\"id\":%.0f,\"kind\":\"crash\",\"message\":\"no scenarios here\"}\n", get(request, "id")->number);
        fflush(stdout);
        release();
    }
    free(line);
    return 0;
}
