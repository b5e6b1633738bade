"""CSV, TSV and Excel: rows of cells, and the row that names the columns."""
