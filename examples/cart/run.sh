#!/usr/bin/env bash
# The cart: three events by the calls of its text, then state and history.
. "$(dirname "$0")/../prelude.sh"

say 'The specification, as it stands'
upload spec.json

say 'Create a cart'
curl -X POST $STET/cart/550e8400-e29b-41d4-a716-446655440000/was_created \
-H "Authorization: Bearer $J17_API_KEY" \
-H "Content-Type: application/json" \
-d '{
"data": {},
"metadata": {
"actor": { "type": "user", "id": "550e8400-e29b-41d4-a716-446655440001" }
}
}'

say 'Add an item'
curl -X POST $STET/cart/550e8400-e29b-41d4-a716-446655440000/had_item_added \
-H "Authorization: Bearer $J17_API_KEY" \
-H "Content-Type: application/json" \
-d '{
"data": {
"sku": "WIDGET-1",
"name": "Blue Widget",
"price": 29.99,
"quantity": 2
},
"metadata": {
"actor": { "type": "user", "id": "550e8400-e29b-41d4-a716-446655440001" }
}
}'

say 'Add another'
curl -X POST $STET/cart/550e8400-e29b-41d4-a716-446655440000/had_item_added \
-H "Authorization: Bearer $J17_API_KEY" \
-H "Content-Type: application/json" \
-d '{
"data": {
"sku": "GADGET-5",
"name": "Red Gadget",
"price": 49.99,
"quantity": 1
},
"metadata": {
"actor": { "type": "user", "id": "550e8400-e29b-41d4-a716-446655440001" }
}
}'

say 'State'
curl $STET/cart/550e8400-e29b-41d4-a716-446655440000 \
-H "Authorization: Bearer $J17_API_KEY"

say 'History'
curl $STET/cart/550e8400-e29b-41d4-a716-446655440000/events \
-H "Authorization: Bearer $J17_API_KEY"

cart=/cart/550e8400-e29b-41d4-a716-446655440000
actor='"actor":{"type":"user","id":"550e8400-e29b-41d4-a716-446655440001"}'

say 'After the first two events'
curl "$STET$cart?at_length=2"

say 'A price that is text is refused, with the place; nothing is written'
post $cart/had_item_added "{\"data\":{\"sku\":\"A\",\"name\":\"A\",\"price\":\"free\",\"quantity\":1},\"metadata\":{$actor}}"
curl "$STET$cart/length"

say 'So are unknown events and types, and actors of other types'
post $cart/was_stolen "{\"metadata\":{$actor}}"
post /boat/1/was_created "{\"metadata\":{$actor}}"
post $cart/was_checked_out '{"metadata":{"actor":{"type":"robot","id":"7"}}}'

say 'Somebody who saw two events may not check out a cart of three'
post $cart/was_checked_out "{\"metadata\":{$actor,\"previous_length\":2}}"
post $cart/was_checked_out "{\"metadata\":{$actor,\"previous_length\":3}}"

say 'A cart and its first item at once'
post /cart/2 "{\"events\":[{\"type\":\"was_created\"},{\"type\":\"had_item_added\",\"data\":{\"sku\":\"A\",\"name\":\"A\",\"price\":1.50,\"quantity\":1}}],\"metadata\":{$actor}}"

say 'Sent twice with one key: written once'
for i in 1 2; do
  post /cart/2/was_checked_out "{\"metadata\":{$actor}}" 'X-Idempotency-Key: checkout-2'
done
curl "$STET/cart/2/length"
