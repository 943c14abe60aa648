"""The rows, by family. Importing this package registers them all."""
