#!/usr/bin/env bash
# Users and their ads: routes of one's own, history of an e-mail address, a rule
# across aggregates, soft deletion. history.ndjson has two users.
. "$(dirname "$0")/../prelude.sh"
bob='/user/auth0|123456'
me='"metadata":{"actor":{"type":"user","id":"auth0|123456"}}'

say 'The specification'
upload spec.json

say 'Whose address changed, when, by whom, from what'
curl "$STET$bob"

say 'All users as they were on March 3rd'
curl "$STET/user?at_time=2024-03-03T00:00:00Z"

say 'Users by a predicate over their state: who has one of these addresses?'
curl --get --data-urlencode 'where={"in":["%.email",["bob@gmail.com","ann@gmail.com"]]}' "$STET/user"

say 'An endpoint is an event: the path of an old client, the body is the data'
post /api/1.0/userCreated '{"user_id":"auth0|900","email":"eve@example.com","name":"Eve"}'
curl "$STET/user/auth0|900"

say 'An event that changes no state is kept'
post "$bob/UserLoggedIn" "{$me}"
curl "$STET$bob/events?type=UserLoggedIn"

say 'The motorcycle: no ad before the e-mail address is verified'
post /api/1.0/adPosted "{\"data\":{\"user_id\":\"auth0|123456\",\"type\":\"motorcycle\",\"make\":\"Honda\"},$me}"
post "$bob/had_email_verified" "{$me}"
post /api/1.0/adPosted "{\"data\":{\"user_id\":\"auth0|123456\",\"type\":\"motorcycle\",\"make\":\"Honda\"},$me}"
curl "$STET/ad/auth0|123456:motorcycle"

say 'What changed, field by field'
curl "$STET$bob/diff?from_length=1&to_length=2"

say 'Deleted softly: no longer listed, still readable, and back again'
post "$bob/was_deleted" '{"metadata":{"actor":{"type":"admin","id":"root"}}}'
curl --get --data-urlencode 'where={"not_equals":["%.deleted",true]}' "$STET/user"
curl "$STET$bob"
post "$bob/was_restored" '{"metadata":{"actor":{"type":"admin","id":"root"}}}'
curl --get --data-urlencode 'where={"not_equals":["%.deleted",true]}' --data limit=1 "$STET/user"

say 'Undo: the address of two events ago, as a new event'
post "$bob/had_email_changed" "{\"data\":{\"email\":\"bob@old.com\"},$me}"
curl "$STET$bob"

say 'Live, by server-sent events, from the beginning: what Ann did'
exec 3< <(exec curl --silent --no-buffer --globoff "$STET/user/auth0|777/stream?after=0")
live=$!
grep --max-count 1 '^data:' <&3
kill $live

say 'Nothing changes or deletes an event'
curl --output /dev/null --write-out '%{http_code}\n' -X DELETE "$STET$bob"
curl --output /dev/null --write-out '%{http_code}\n' -X PUT "$STET$bob/events"
