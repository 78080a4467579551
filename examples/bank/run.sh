#!/usr/bin/env bash
# The bank: 500 and why, last Tuesday, 30, and money that is not there. One
# account has a history of its own, in history.ndjson.
. "$(dirname "$0")/../prelude.sh"

alice='"metadata":{"actor":{"type":"customer","id":"alice"}}'

say 'The specification'
upload spec.json

say '1000 - 200 + 300 - 600'
curl "$STET/account/acc-123"

say 'Last Tuesday at 3 PM'
curl "$STET/account/acc-123?at_time=2024-01-16T15:00:00Z"

say 'Why is it 500? Each event, and the change it made'
curl "$STET/account/acc-123/trace"

say 'Who took money out, when, and for what'
curl "$STET/account/acc-123/events?type=MoneyWithdrawn"

say 'Only what was before Wednesday'
curl "$STET/account/acc-123/events?until_time=2024-01-17T00:00:00Z&detail=full"

say 'What changed since Tuesday'
curl "$STET/account/acc-123/diff?from_time=2024-01-16T15:00:00Z"

say 'The account was made before there were e-mail addresses; read, it has the present form'
curl "$STET/account/acc-123/events?type=AccountCreated&upcast=true"

say 'A new account: 0 + 50 - 20, told with the state'
post /account/acc-30/AccountCreated '{"data":{"owner":"Alice","email":"alice@example.com"},"metadata":{"actor":{"type":"teller","id":"bob"}}}'
post /account/acc-30/MoneyDeposited "{\"data\":{\"amount\":50},$alice}"
post '/account/acc-30/MoneyWithdrawn?state=true' "{\"data\":{\"amount\":20},$alice}"
curl "$STET/account/acc-30"

say 'More than is there is refused; so are nothing, and an account that is not there'
post /account/acc-30/MoneyWithdrawn "{\"data\":{\"amount\":30.01},$alice}"
post /account/acc-30/MoneyWithdrawn "{\"data\":{\"amount\":0},$alice}"
post /account/acc-31/MoneyDeposited "{\"data\":{\"amount\":1},$alice}"

say 'Five at once take 20 of the 30: one gets it'
for i in 1 2 3 4 5; do
  post /account/acc-30/MoneyWithdrawn "{\"data\":{\"amount\":20},$alice}" &
done | grep -oE '"code":"[A-Z_]+"|"ok":true' | sort | uniq -c | sed 's/^ *//'
curl "$STET/account/acc-30"

say 'A wrong deposit is taken back by another event; closing needs an empty account'
post /account/acc-30/AccountClosed "{$alice}"
post /account/acc-30/MoneyWithdrawn "{\"data\":{\"amount\":10,\"reason\":\"deposited by mistake\"},$alice}"
post /account/acc-30/AccountClosed "{$alice}"
post /account/acc-30/MoneyDeposited "{\"data\":{\"amount\":1},$alice}"
curl "$STET/account/acc-30"

say 'Rules that change: test them on events before they are in force'
post /_/test '{"type":"account","events":[{"type":"AccountCreated","data":{"owner":"Eve","initial_balance":10.50}},{"type":"MoneyDeposited","data":{"amount":0.50}}],"expect":{"owner":"Eve","email":null,"balance":11.00,"status":"open"}}'
