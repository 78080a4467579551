#!/usr/bin/env bash
# One event that changes several objects.
. "$(dirname "$0")/../prelude.sh"

say 'The specification'
upload spec.json

say 'A user changes the address; the user and a mailing list follow, in the same write'
post /update/u-1/UserUpdated '{"data":{"user_id":"123","email":"new@example.com","updated":[{"type":"User","_id":"123","email":"new@example.com"},{"type":"MailingList","_id":"news","email":"new@example.com"}]},"metadata":{"correlation_id":"request-7"}}'
curl "$STET/User/123"
curl "$STET/MailingList/news"

say 'Why did the list change? Its event names the one that caused it'
curl "$STET/MailingList/news/events" | sed -E 's/"causation_id":"[^"]*"/"causation_id":"<event>"/'

say 'One of them is refused, and nothing is written'
post /update/u-2/UserUpdated '{"data":{"user_id":"123","updated":[{"type":"User","_id":"123","email":"a@example.com"},{"type":"MailingList","_id":"a/b","email":"a@example.com"}]}}'
curl "$STET/User/123/length"
curl "$STET/update/u-2"
