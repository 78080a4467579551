#!/usr/bin/env bash
# The cart as its text shows it, times and places included, out of history.ndjson.
. "$(dirname "$0")/../prelude.sh"
cart=/cart/550e8400-e29b-41d4-a716-446655440000

say 'The log was restored; the specification makes sense of it'
upload spec.json

say 'State'
curl "$STET$cart"

say 'History'
curl "$STET$cart/events"

say 'After two events, and one second before the last'
curl "$STET$cart?at_length=2"
curl "$STET$cart?at_time=2024-01-22T09:01:59Z"

say 'Before the first event there is nothing'
curl "$STET$cart?at_time=2024-01-22T08:59:59Z"

say 'What changed from the first event to the second'
curl "$STET$cart/diff?from_length=1&to_length=2"

say 'A bug in a handler: quantities were forgotten. Change the handlers, and old carts are right at once'
sed 's|{ "append": { "target": "items", "value": "$.data" } }|&, { "increment": { "target": "pieces", "by": "$.data.quantity" } }|' spec.json |
  curl -H 'Content-Type: application/json' --data-binary @- "$STET/_/spec"
curl "$STET$cart"
curl "$STET$cart?at_length=2"

say 'A question that nobody thought of then: what was in carts at one time'
curl "$STET/cart?at_time=1705914060"
