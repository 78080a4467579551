#!/usr/bin/env bash
# Invoices out of a till's file: each row an event, held to its schema while it
# is imported. The program is to be in the PATH, the server at $STET_ADDR too.
. "$(dirname "$0")/../prelude.sh"

# rows FILE imports the file. The type of an event is that of its row.
rows() {
  stet import "$1" --progress none \
    --stream 'invoice-{{.InvoiceNo}}' \
    --type '{{if hasPrefix .InvoiceNo "A"}}DebtAdjusted{{else if hasPrefix .InvoiceNo "C"}}LineCancelled{{else if and (numEq .UnitPrice 0) (numGt .Quantity 0)}}LineGiven{{else if numLt .Quantity 0}}StockAdjusted{{else}}LineSold{{end}}' \
    --tag 'customer:{{.CustomerID}}' --tag 'stock:{{.StockCode}}' \
    --time '{{.InvoiceDate}}' --time-zone Europe/Zurich --number Quantity,UnitPrice \
    --meta actor_type=importer --meta actor_id=till-1
}

say 'The specification'
upload spec.json

say 'Eight rows of five invoices; two of them are equal, and both count'
rows rows.csv | sed 's/; .*//' # how long it took is left out

say 'An invoice, its net value to the last digit'
curl "$STET/invoice/700001"

say 'As it was after two rows'
curl "$STET/invoice/700001?at_length=2"

say 'What made its net value'
curl "$STET/invoice/700001/trace?at_length=2"

say 'All invoices'
curl "$STET/invoice"

say 'Those that cost the shop money'
curl -G --data-urlencode 'where={"lt":["%.net",0]}' "$STET/invoice"

say 'Half a candle cannot be sold: the line is named, and no row of the file is there'
rows wrong.csv 2>&1 || echo "exit code $?"
curl "$STET/invoice/700006"

say 'The same file again adds nothing'
rows rows.csv | sed 's/; .*//' # how long it took is left out
