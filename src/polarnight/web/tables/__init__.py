"""Tables of results: columns, filters, sorting, paging and files; knows no HTTP."""
