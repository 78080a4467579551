#!/usr/bin/env bash
# Orders: ids that are UUIDv7, several events in one millisecond, and facts that
# come late. One order is in history.ndjson.
. "$(dirname "$0")/../prelude.sh"
old=/order/018d6400-7c00-7abc-8def-0123456789ab
new=/order/0197a3f2-11aa-7bcd-9e10-5f6a7b8c9d0e

say 'The specification'
upload spec.json

say 'Created, paid and shipped; an event that the specification does not know is skipped and counted'
curl "$STET$old?detail=full"

say 'Three events in one millisecond keep their order'
curl "$STET$old/events"

say 'As it was on the 2nd'
curl "$STET$old?at_time=2024-02-02T12:00:00Z"

say 'A new order: all three events at once'
post $new '{"events":[{"type":"OrderCreated","data":{"customerId":"c-1","amount":19.99}},{"type":"OrderPaid","data":{"paymentId":"p-2","paidAt":"2026-01-02T15:04:05Z"}},{"type":"OrderShipped","data":{"trackingId":"t-78"}}]}'
curl "$STET$new"

say 'One bad event, and none is written; an id that is no UUID is refused'
post $new '{"events":[{"type":"OrderPaid","data":{"paymentId":"p-3"}},{"type":"AmountCorrected","data":{"amount":-1,"reason":"?"}}]}'
curl "$STET$new/length"
post /order/42/OrderPaid '{}'

say 'A correction that comes late: the amount was 80.00 from February 2nd on'
post $old/AmountCorrected '{"data":{"amount":80.00,"reason":"a discount was forgotten"},"metadata":{"occurred_at":"2024-02-02T00:00:00Z"}}'

say 'What holds for the 2nd, as it is known today'
curl "$STET$old?effective_at=2024-02-02T12:00:00Z"

say 'What was thought on the 3rd to hold for the 2nd'
curl "$STET$old?effective_at=2024-02-02T12:00:00Z&at_time=2024-02-03T23:00:00Z"

say 'What was recorded by the 2nd'
curl "$STET$old?at_time=2024-02-02T12:00:00Z"

say 'Now'
curl "$STET$old"

say 'New rules over old events: VAT, reckoned without touching them'
sed 's|{"set": {"target": "status", "value": "PAID"}}|&, {"set": {"target": "vat", "value": {"$mul": ["@.amount", 0.19]}}}|' spec.json |
  curl -H 'Content-Type: application/json' --data-binary @- "$STET/_/spec"
curl "$STET$old?at_length=2"
