package aggregate_test

import (
	"fmt"
	"math/rand/v2"
)

// dice make events for the examples.
type dice struct{ *rand.Rand }

func (d dice) of(choices ...string) string { return choices[d.IntN(len(choices))] }

func (d dice) amount() string { return d.of("1", "0.01", "12.5", "99.90", "1000", "3.000", "7e1") }

// facts make the data of every event of every example, by folder, type and
// event. The test fails for an example or an event that is not here.
var facts = map[string]map[string]map[string]func(dice) string{
	"cart":         cartFacts,
	"cart-history": cartFacts,
	"bank": {"account": {
		"AccountCreated": func(d dice) string {
			return fmt.Sprintf(`{"owner":"Ann","initial_balance":%s%s}`, d.amount(), d.of("", `,"email":null`, `,"email":"a@b.ch"`))
		},
		"MoneyDeposited": money, "MoneyWithdrawn": money,
		"AccountClosed": nothing,
	}},
	"orders": {"order": {
		"OrderCreated":    func(d dice) string { return `{"customerId":"c","amount":` + d.of("1", "12.50", "99.9") + `}` },
		"OrderPaid":       func(d dice) string { return d.of(`{}`, `{"paymentId":"p"}`, `{"paidAt":"2026-01-02T15:04:05Z"}`) },
		"OrderShipped":    func(d dice) string { return d.of(`{}`, `{"trackingId":"t"}`) },
		"AmountCorrected": func(d dice) string { return `{"amount":` + d.amount() + `,"reason":"typo"}` },
	}},
	"users": {
		"user": {
			"userCreated":        func(d dice) string { return `{"user_id":"1","email":"` + d.of("a@b.ch", "c@d.ch") + `"}` },
			"had_email_changed":  func(d dice) string { return `{"email":"` + d.of("e@f.ch", "g@h.ch") + `"}` },
			"had_email_verified": nothing, "UserLoggedIn": nothing, "was_deleted": nothing, "was_restored": nothing,
		},
		"ad": {"was_posted": func(d dice) string { return `{"user_id":"` + d.of("1", "2") + `","type":"motorcycle"}` }},
	},
	"updates": {
		"update": {"UserUpdated": func(d dice) string {
			item := `{"type":"` + d.of("User", "MailingList") + `","_id":"` + d.of("1", "2") + `","email":"` + d.of("a@b.ch", "c@d.ch") + `"}`
			return `{"user_id":"` + d.of("1", "2") + `","updated":[` + d.of("", item, item+","+item) + `]}`
		}},
		"User": {"had_email_changed": func(d dice) string { return `{"email":"` + d.of("a@b.ch", "c@d.ch") + `"}` }},
		"MailingList": {"had_email_changed": func(d dice) string {
			return `{"email":"` + d.of("a@b.ch", "c@d.ch") + `","user_id":"` + d.of("1", "2", "a.b") + `"}`
		}},
	},
	"booking": {
		"seat":    {"was_reserved": func(d dice) string { return `{"by":"` + d.of("Ann", "Bob") + `"}` }, "was_released": nothing},
		"payment": {"was_charged": func(d dice) string { return `{"amount":` + d.amount() + `}` }},
		"ticket":  {"was_issued": func(d dice) string { return `{"seat":"1","payment":"` + d.of("1", "2") + `"}` }},
	},
	"invoices": {"invoice": {
		"LineSold":      line("700001", func(d dice) (string, string) { return d.of("1", "144"), d.of("0.165", "2.55") }),
		"LineGiven":     line("700001", func(d dice) (string, string) { return d.of("1", "144"), d.of("0", "0.0") }),
		"LineCancelled": line("C700001", func(d dice) (string, string) { return d.of("-1", "-144"), d.of("0.165", "2.55") }),
		"StockAdjusted": line("700001", func(d dice) (string, string) { return d.of("-1", "-7"), "0.00" }),
		"DebtAdjusted":  line("A700001", func(d dice) (string, string) { return "1", d.of("11062.06", "-11062.06") }),
	}},
}

var cartFacts = map[string]map[string]func(dice) string{"cart": {
	"was_created": nothing, "was_checked_out": nothing,
	"had_item_added": func(d dice) string {
		return fmt.Sprintf(`{"sku":"s-%d","name":"%s","price":%s,"quantity":%d}`, d.IntN(9), d.of("Hat", "Öl \\\"7\\\"", ""), d.amount(), d.IntN(5))
	},
}}

func nothing(d dice) string { return d.of("", "{}", `{"note":"more than was asked for"}`) }

func money(d dice) string { return `{"amount":` + d.amount() + `}` }

func line(invoice string, of func(dice) (quantity, price string)) func(dice) string {
	return func(d dice) string {
		quantity, price := of(d)
		return fmt.Sprintf(`{"InvoiceNo":"%s","StockCode":"%d","Description":"","Quantity":%s,"InvoiceDate":"2024-03-04 09:15:00","UnitPrice":%s,"CustomerID":"%s","Country":"CH"}`,
			invoice, d.IntN(3), quantity, price, d.of("", "20001.0"))
	}
}

// ids are the aggregates of a type.
func (d dice) id(typ string) string {
	if typ == "order" {
		return d.of("018d6400-7c00-7abc-8def-0123456789ab", "0197a3f2-11aa-7bcd-9e10-5f6a7b8c9d0e")
	}
	return d.of("1", "2")
}
