#!/usr/bin/env bash
# A dispute: what exactly happened to one booking, over seat, payment and ticket?
. "$(dirname "$0")/../prelude.sh"
mine='"metadata":{"correlation_id":"b-7"}'

say 'The specification'
upload spec.json

say 'Two bookings, one after the other, and among each other'
post /seat/12A/was_reserved "{\"data\":{\"by\":\"b-7\"},$mine}"
post /seat/12B/was_reserved '{"data":{"by":"b-8"},"metadata":{"correlation_id":"b-8"}}'
post /ticket/t-7/was_issued "{\"data\":{\"seat\":\"12A\",\"payment\":\"p-7\"},$mine}"
post /payment/p-7/was_charged "{\"data\":{\"amount\":129.90},$mine}"
post /seat/12A/was_reserved '{"data":{"by":"b-8"},"metadata":{"correlation_id":"b-8"}}'
post /ticket/t-7/was_issued "{\"data\":{\"seat\":\"12A\",\"payment\":\"p-7\"},$mine}"

say 'The flow of the first, in order, over all types: by its correlation id alone'
exec 3< <(exec curl --silent --no-buffer "$STET/_/stream?after=0&correlation_id=b-7")
live=$!
grep --max-count 3 '^data:' <&3
kill $live

say 'Who had the seat'
curl "$STET/seat/12A"
