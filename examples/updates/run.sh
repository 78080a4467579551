#!/usr/bin/env bash
# One event that changes several objects.
. "$(dirname "$0")/../prelude.sh"

say 'The specification'
upload spec.json

say 'A user changes the address; the user and a mailing list follow, in the same write'
post /update/u-1/UserUpdated '{"data":{"user_id":"123","email":"new@example.com","updated":[{"type":"User","_id":"123","email":"new@example.com"},{"type":"MailingList","_id":"news","email":"new@example.com"}]},"metadata":{"correlation_id":"request-7","tags":["case:7"]}}'
curl "$STET/User/123"
curl "$STET/MailingList/news"

say 'Why did the list change? Its event names the one that caused it'
curl "$STET/MailingList/news/events" | sed -E 's/"causation_id":"[^"]*"/"causation_id":"<event>"/'

say 'All that came of the request, over all types, in order'
exec 3< <(exec curl --silent --no-buffer "$STET/_/stream?after=0&correlation_id=request-7")
live=$!
grep --max-count 3 '^data:' <&3 | sed -E 's/"(id|causation_id)":"[^"]*"/"\1":"<event>"/g'
kill $live

say 'One of them is refused, and nothing is written'
post /update/u-2/UserUpdated '{"data":{"user_id":"123","updated":[{"type":"User","_id":"123","email":"a@example.com"},{"type":"MailingList","_id":"a/b","email":"a@example.com"}]}}'
curl "$STET/User/123/length"
curl "$STET/update/u-2"

say 'The whole case, over all types, in order: what was tagged with it'
post /User/124/had_email_changed '{"data":{"email":"other@example.com"}}'
post /User/123/had_email_changed '{"data":{"email":"newer@example.com"},"metadata":{"correlation_id":"request-8","tags":["case:7"]}}'
exec 3< <(exec curl --silent --no-buffer "$STET/_/stream?after=0&tag=case:7")
live=$!
grep --max-count 2 '^data:' <&3 | sed -E 's/"(id|causation_id)":"[^"]*"/"\1":"<event>"/g'
kill $live
