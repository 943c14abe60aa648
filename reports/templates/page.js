"use strict";
// The page reads without this script. With it: rows that open, a query box whose query is in the address, copy buttons.
(async () => {
  const ROWS = 80, FINDINGS = 12;
  const FAILING = new Set(["fail", "crash", "hang", "memory"]);
  const SIGNS = {pass: "✓", fail: "✗", crash: "✗", hang: "✗", memory: "✗", known: "≈", convention: "◇", unspecified: "?",
    "ill-posed": "~", "not-claimed": "–", "not-applicable": "·", "harness-error": "⚠"};
  const KEYS = ["status", "engine", "area", "family", "operator", "property", "profile", "kind", "is"];
  const one = (selector, root = document) => root.querySelector(selector);

  const make = (tag, cls, text) => {
    const element = document.createElement(tag);
    if (cls) element.className = cls;
    if (text !== undefined) element.textContent = text;
    return element;
  };

  // ---- data: base64 of gzip of JSON
  const unpack = async () => {
    const text = atob(one("#island").textContent);
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return JSON.parse(await new Response(stream).text());
  };

  const plant = (data) => {
    const roots = [], path = [], byAnchor = new Map(), leaves = [];
    for (const [depth, kind, id, anchor, title, sentence, source, profile, kinds, packed] of data.rows) {
      const cells = packed.map((cell) => cell && {status: data.statuses[cell[0]], label: cell[1], harness: cell[2], target: cell[3], share: cell[4]});
      const node = {depth, kind, id, anchor, title, sentence, source, profile, kinds, cells, children: [], open: false, failures: 0};
      node.parent = depth ? path[depth - 1] : null;
      (node.parent ? node.parent.children : roots).push(node);
      path[depth] = node;
      byAnchor.set(anchor, node);
      if (kind === "leaf") leaves.push(node);
    }
    for (const leaf of leaves) {
      leaf.text = null;
      leaf.root = leaf.parent.parent || leaf.parent;
      if (leaf.cells.some((cell) => cell && FAILING.has(cell.status)))
        for (let node = leaf; node; node = node.parent) node.failures++;
    }
    return {engines: data.engines, short: data.short, lower: data.engines.map((name) => name.toLowerCase()), roots, leaves, byAnchor, late: data.late};
  };

  // ---- query
  const parse = (text) => {
    const query = {words: [], keys: {}, unknown: []};
    for (const token of text.toLowerCase().match(/(?:[a-z]+:)?"[^"]*"|\S+/g) || []) {
      const colon = token.indexOf(":");
      const key = colon > 0 ? token.slice(0, colon) : "";
      const value = (KEYS.includes(key) ? token.slice(colon + 1) : token).replaceAll('"', "");
      if (KEYS.includes(key)) { if (value) (query.keys[key] ||= []).push(value); }
      else if (/^[a-z]+$/.test(key) && !token.includes("::")) query.unknown.push(key);
      else query.words.push(value);
    }
    query.empty = !query.words.length && !Object.keys(query.keys).length;
    return query;
  };

  const chosen = (keys, forest) => forest.lower.map((name) => !keys.engine || keys.engine.some((part) => name.includes(part)));
  const some = (parts, value) => !parts || parts.some((part) => value.toLowerCase().includes(part));

  const words = (leaf) => (leaf.id + " " + leaf.sentence + " " + leaf.source).toLowerCase();

  // While nobody types: or the first search of 10⁵ rows would pay for all of them.
  const prepare = (from) => {
    const end = Math.min(from + 4000, forest.leaves.length);
    for (let i = from; i < end; i++) forest.leaves[i].text ??= words(forest.leaves[i]);
    if (end < forest.leaves.length) requestIdleCallback(() => prepare(end));
  };

  const stands = (leaf, keys) => {
    const clause = leaf.root.kind === "area";
    if (keys.area && !(clause && some(keys.area, leaf.root.title))) return false;
    if (keys.family && !(!clause && some(keys.family, leaf.root.title))) return false;
    if (keys.operator && !(!clause && some(keys.operator, leaf.parent.title))) return false;
    if (keys.property && !(!clause && some(keys.property, leaf.title))) return false;
    return some(keys.profile, leaf.profile);
  };

  const holds = (leaf, query, engines) => {
    const keys = query.keys;
    if (query.words.length) {
      leaf.text ??= words(leaf);
      if (!query.words.every((word) => leaf.text.includes(word))) return false;
    }
    if (!stands(leaf, keys)) return false;
    if (keys.kind && !leaf.kinds.some((kind) => some(keys.kind, kind))) return false;
    return cellsHold(leaf, keys, engines);
  };

  // Loops rather than filter and some: this runs for each of 10⁵ rows at each key.
  const cellsHold = (leaf, keys, engines) => {
    let given = 0, status = !keys.status;
    for (let i = 0; i < leaf.cells.length; i++) {
      const cell = leaf.cells[i];
      if (!cell || !engines[i]) continue;
      given++;
      if (!status) for (const part of keys.status) status ||= cell.status.startsWith(part);
    }
    if (!given || !status) return false;
    return !keys.is || keys.is.every((word) => is(word, leaf.cells.filter((cell, i) => cell && engines[i])));
  };

  const is = (word, cells) => {
    if (word === "different") return new Set(cells.map((cell) => cell.status)).size > 1;
    if (word === "failing") return cells.some((cell) => FAILING.has(cell.status));
    return cells.some((cell) => cell.status === word);
  };

  // ---- matrix
  const body = one("#rows"), hint = one("#hint"), box = one("#q"), sort = one("#sort"), form = one("#query");
  let forest, matched = null, limit = ROWS;

  const order = (nodes) => sort.value === "failures" ? [...nodes].sort((a, b) => b.failures - a.failures) : nodes;

  const visible = () => {
    const rows = [];
    const visit = (nodes) => {
      for (const node of order(nodes)) {
        if (matched && !matched.has(node)) continue;
        rows.push(node);
        if (matched ? !node.shut : node.open) visit(node.children);
      }
    };
    visit(forest.roots);
    return rows;
  };

  const bar = (share) => {
    const space = "http://www.w3.org/2000/svg", svg = document.createElementNS(space, "svg"), rect = document.createElementNS(space, "rect");
    for (const [name, value] of [["class", "share"], ["viewBox", "0 0 40 3"], ["preserveAspectRatio", "none"], ["aria-hidden", "true"]]) svg.setAttribute(name, value);
    rect.setAttribute("width", share);
    rect.setAttribute("height", 3);
    svg.append(rect);
    return svg;
  };

  const drawCell = (cell, id) => {
    const td = make("td", "cell s-" + (cell ? cell.status : "absent"));
    if (!cell) { td.append(make("span", "vh", "not in this run")); return td; }
    td.id = id;
    const inner = make(cell.target ? "a" : "span");
    if (cell.target) inner.href = "#" + cell.target;
    const sign = make("span", "sign", SIGNS[cell.status]);
    sign.setAttribute("aria-hidden", "true");
    inner.append(sign, " ", make("span", "vh", cell.status + " "), cell.label);
    td.append(inner);
    if (cell.share !== undefined) td.append(bar(cell.share));
    if (cell.harness) {
      const harness = make("span", "harness", "⚠");
      harness.append(make("span", "vh", " " + cell.harness + " harness errors"));
      td.append(" ", harness);
    }
    return td;
  };

  const drawRow = (node) => {
    const tr = make("tr", "d" + node.depth + " " + node.kind);
    tr.id = node.anchor;
    const th = make("th");
    th.scope = "row";
    if (node.children.length) {
      const toggle = make("button", "toggle", "");
      toggle.type = "button";
      toggle.setAttribute("aria-expanded", String(matched ? !node.shut : node.open));
      toggle.append(make("span", "name", node.title), " ", make("span", "number", String(node.children.length)));
      toggle.addEventListener("click", () => {
        if (matched) node.shut = !node.shut; else node.open = !node.open;
        draw();
        one("button", document.getElementById(node.anchor)).focus();
      });
      th.append(toggle);
    } else th.append(make("span", "name", node.title));
    const hash = make("a", "hash", "#");
    hash.href = "#" + node.anchor;
    hash.setAttribute("aria-label", "link to " + node.id);
    th.append(hash);
    if (node.sentence) th.append(make("span", "sentence", node.sentence));
    tr.append(th, ...node.cells.map((cell, i) => drawCell(cell, node.anchor + "@" + forest.short[i])));
    return tr;
  };

  const draw = () => {
    const rows = visible();
    const part = document.createDocumentFragment();
    for (const node of rows.slice(0, limit)) part.append(drawRow(node));
    if (rows.length > limit) {
      const tr = make("tr"), td = make("td"), button = make("button", "", "show " + Math.min(ROWS, rows.length - limit) + " more rows");
      td.colSpan = forest.engines.length + 1;
      button.type = "button";
      button.addEventListener("click", () => { limit += ROWS; draw(); });
      td.append(button);
      tr.append(td);
      part.append(tr);
    }
    body.replaceChildren(part);
  };

  const filter = (text) => {
    const query = parse(text), engines = chosen(query.keys, forest);
    matched = null;
    limit = ROWS;
    let hits = 0;
    if (!query.empty) {
      matched = new Set();
      for (const leaf of forest.leaves) {
        if (!holds(leaf, query, engines)) continue;
        hits++;
        for (let node = leaf; node && !matched.has(node); node = node.parent) { matched.add(node); node.shut = false; }
      }
    }
    draw();
    const shown = filterFindings(query);
    const unknown = query.unknown.length ? "Unknown: " + query.unknown.join(", ") + ". Known: " + KEYS.join(", ") + ". " : "";
    hint.textContent = unknown + (query.empty ? "" : hits.toLocaleString("en") + " of " + forest.leaves.length.toLocaleString("en") + " behaviours, " + shown.toLocaleString("en") + " findings");
  };

  // ---- findings
  const list = one("#list"), more = one("#more");
  let findings = [], wanted = [], upTo = FINDINGS;

  const collect = () => {
    const known = list ? [...list.children].map((element) => ({element, anchor: element.id, engine: element.dataset.engine,
      kind: element.dataset.kind, row: element.dataset.row, text: element.dataset.text})) : [];
    const late = forest.late.map(([anchor, engine, kind, row, text, html]) => ({anchor, engine, kind, row, text, html}));
    findings = [...known, ...late];
    wanted = findings;
  };

  const element = (finding) => {
    if (!finding.element) {
      const holder = document.createElement("template");
      holder.innerHTML = finding.html; // made by our own escaping template
      finding.element = holder.content.firstElementChild;
      dress(finding.element);
    }
    return finding.element;
  };

  const showFindings = () => {
    if (!list) return;
    const shown = wanted.slice(0, upTo).map(element);
    if (shown.length !== list.children.length || shown.some((item, i) => item !== list.children[i])) list.replaceChildren(...shown);
    more.hidden = wanted.length <= upTo;
    one("#count").textContent = wanted.length === findings.length ? findings.length : wanted.length + " of " + findings.length;
  };

  // A finding is shown where its own cell of the matrix would be.
  const answers = (finding, query) => {
    const keys = query.keys, leaf = forest.byAnchor.get(finding.row);
    if (!some(keys.engine, finding.engine) || !some(keys.kind, finding.kind)) return false;
    const cell = leaf && leaf.kind === "leaf" && leaf.cells[forest.engines.indexOf(finding.engine)];
    if (!cell) return !Object.keys(keys).length && query.words.every((word) => finding.text.includes(word));
    leaf.text ??= words(leaf);
    return query.words.every((word) => finding.text.includes(word) || leaf.text.includes(word)) && stands(leaf, keys) &&
      (!keys.status || keys.status.some((part) => cell.status.startsWith(part))) &&
      (!keys.is || keys.is.every((word) => is(word, word === "different" ? leaf.cells.filter(Boolean) : [cell])));
  };

  const filterFindings = (query) => {
    wanted = query.empty ? findings : findings.filter((finding) => answers(finding, query));
    upTo = FINDINGS;
    showFindings();
    return wanted.length;
  };

  // ---- copy buttons
  const copy = async (text, button) => {
    try { await navigator.clipboard.writeText(text); }
    catch {
      const area = make("textarea");
      area.value = text;
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    button.textContent = "copied";
    setTimeout(() => { button.textContent = "copy"; }, 1500);
  };

  const dress = (root) => {
    for (const code of root.querySelectorAll("pre.code")) {
      const button = make("button", "copy", "copy"), frame = make("div", "copyable");
      button.type = "button";
      button.setAttribute("aria-label", "copy the script");
      button.addEventListener("click", () => copy(code.textContent, button));
      code.replaceWith(frame);
      frame.append(code, button);
    }
  };

  // ---- address
  const reveal = (anchor) => {
    const row = anchor.slice(0, anchor.lastIndexOf("@")); // of a cell
    const node = forest.byAnchor.get(anchor) || forest.byAnchor.get(row), position = findings.findIndex((finding) => finding.anchor === anchor);
    if (node) {
      if (box.value) { box.value = ""; filter(""); }
      for (let up = node.parent; up; up = up.parent) up.open = true;
      const at = visible().indexOf(node);
      limit = Math.max(limit, at + 1);
      draw();
    } else if (position >= 0) {
      if (!wanted.includes(findings[position])) { box.value = ""; filter(""); }
      upTo = Math.max(upTo, wanted.indexOf(findings[position]) + 1);
      showFindings();
      element(findings[position]).open = true;
    } else return;
    const target = document.getElementById(anchor);
    if (!target) return;
    mark(target);
    target.scrollIntoView({block: "start"});
  };

  const mark = (target) => {
    for (const old of document.querySelectorAll(".target")) old.classList.remove("target");
    target.classList.add("target");
  };

  // A cell's own address, for those who point at it; a finding's cell leads to the finding.
  const point = (event) => {
    const cell = event.target.closest("td[id]");
    if (!cell || event.target.closest("a, button")) return;
    history.replaceState(null, "", "#" + cell.id);
    mark(cell);
  };

  const follow = () => {
    const hash = location.hash;
    if (hash.startsWith("#q=")) {
      try { box.value = decodeURIComponent(hash.slice(3)); } catch { box.value = hash.slice(3); }
      filter(box.value);
      form.scrollIntoView({block: "start"});
    } else if (hash.length > 1) reveal(hash.slice(1));
  };

  let timer = 0;
  const typed = () => {
    filter(box.value);
    clearTimeout(timer);
    timer = setTimeout(() => {
      const hash = box.value.trim() ? "#q=" + encodeURIComponent(box.value.trim()).replaceAll("%3A", ":") : location.pathname + location.search;
      history.replaceState(null, "", hash);
    }, 150);
  };

  const setOpen = (open) => {
    limit = ROWS;
    const visit = (nodes) => { for (const node of nodes) { node.open = open; node.shut = !open; visit(node.children); } };
    visit(forest.roots);
    draw();
  };

  const start = () => {
    const few = forest.leaves.length <= 250;
    for (const node of forest.byAnchor.values()) node.open = node.depth === 0 && few;
    form.hidden = false;
    collect();
    if (list) dress(list);
    draw();
    showFindings();
    body.addEventListener("click", point);
    box.addEventListener("input", typed);
    form.addEventListener("submit", (event) => event.preventDefault());
    sort.addEventListener("change", () => draw());
    one("#expand").addEventListener("click", () => setOpen(true));
    one("#collapse").addEventListener("click", () => setOpen(false));
    if (more) more.addEventListener("click", () => { upTo += FINDINGS; showFindings(); });
    addEventListener("hashchange", follow);
    addEventListener("beforeprint", () => {
      upTo = findings.length; // paper has no button for more
      showFindings();
      for (const finding of document.querySelectorAll(".finding")) finding.open = true;
    });
    addEventListener("keydown", (event) => {
      if (event.key === "/" && !/^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName)) { event.preventDefault(); box.focus(); }
      if (event.key === "Escape" && document.activeElement === box) { box.value = ""; typed(); }
    });
    follow();
    document.documentElement.dataset.ready = "true";
    requestIdleCallback(() => prepare(0));
  };

  if (typeof DecompressionStream === "undefined") return;
  forest = plant(await unpack());
  start();
})();
