package spec

import (
	"os"
	"strings"
	"testing"
)

// S2.12: advice on events, each line as it is told.
func TestWarningsAreAsWrittenDown(t *testing.T) {
	s, faults, warnings := Parse(example(t, "lint/advice.json"))
	if s == nil {
		t.Fatal(faults)
	}
	var got strings.Builder
	for _, w := range warnings {
		got.WriteString(w.String() + "\n")
	}
	want, err := os.ReadFile("testdata/lint/advice.txt")
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("warnings\n%s\nwant\n%s", got.String(), want)
	}
}

func TestNamesOfFactsAreNotWarnedAbout(t *testing.T) {
	for _, name := range []string{
		"was_created", "had_item_added", "was_checked_out", "OrderCreated", "OrderPaid", "UserLoggedIn", "userCreated",
		"MoneyWithdrawn", "UserUpdatedEmailAddress", "UserCreated", "PaymentFailed", "charge_was_made", "set_was_sold",
		"was_deleted", "was_published", "PasswordSet", "checkout_completed", "_internal", "HTTPCalled", "was", "x",
	} {
		if w := nameWarnings(name); len(w) > 0 {
			t.Errorf("%s: %v", name, w)
		}
	}
}

func TestCommandsAndTechnicalNamesAreWarnedAbout(t *testing.T) {
	for name, want := range map[string]string{
		"UPDATE": "technical", "update": "technical", "was_updated": "technical", "RowInserted": "technical", "DB_SYNC": "technical",
		"place_order": "command", "CreateUser": "command", "DepositMoney": "command", "sendEmail": "command", "cancel": "command",
		"delete_user": "", "CREATE": "command",
	} {
		w := nameWarnings(name)
		if want == "" && len(w) > 0 || want != "" && (len(w) != 1 || !strings.Contains(w[0].Problem, want)) {
			t.Errorf("%s: %v, want %q", name, w, want)
		}
	}
}

func nameWarnings(name string) []Warning {
	_, _, warnings := Parse([]byte(`{"aggregate_types": {"t": {"events": {"` + name + `": {"handler": []}}}}}`))
	return warnings
}

func TestNamesAreSplitIntoWords(t *testing.T) {
	for name, want := range map[string]string{
		"was_created": "was created", "UserCreated": "user created", "userCreated": "user created",
		"HTTPCalled": "http called", "UPDATE": "update", "order2Paid": "order paid", "__x__y": "x y", "_": "",
	} {
		if got := strings.Join(split(name), " "); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestWhatAHandlerNeedsIsLookedUpInTheSchema(t *testing.T) {
	for _, c := range []struct {
		value, schema string
		warned        bool
	}{
		{`"$.data.a"`, `{"required": ["a"]}`, false},
		{`"$.data.a"`, `{"properties": {"a": true}}`, true},
		{`"$.data.a?"`, `{}`, false},
		{`{"$default": ["$.data.a", 1]}`, `{}`, false},
		{`"$.data"`, `{}`, false},
		{`"$.data.a.b"`, `{"required": ["a"]}`, true},
		{`"$.data.a.b"`, `{"required": ["a"], "properties": {"a": {"required": ["b"]}}}`, false},
		{`"$.data.a.b"`, `{"required": ["a"], "additionalProperties": {"required": ["b"]}}`, false},
		{`"$.data.a"`, `{"allOf": [true, {"required": ["a"]}]}`, false},
		{`"$.data.a"`, `{"$ref": "#/$defs/d", "$defs": {"d": {"required": ["a"]}}}`, false},
		{`"$.data.a"`, `{"anyOf": [{"required": ["a"]}, {"required": ["a", "b"]}]}`, false},
		{`"$.data.a"`, `{"anyOf": [{"required": ["a"]}, {"required": ["b"]}]}`, true},
		{`"$.data.a.0"`, `{"required": ["a"], "properties": {"a": {"items": true}}}`, false},
		{`"$.data.next.next.a"`, `{"properties": {"next": {"$ref": "#"}}, "required": ["a", "next"]}`, false},
	} {
		_, faults, warnings := Parse([]byte(withEvent(`"schema": ` + c.schema + `, "handler": {"set": {"target": "x", "value": ` + c.value + `}}`)))
		if len(faults) > 0 || (len(warnings) > 0) != c.warned {
			t.Errorf("%s with %s: faults %v, warnings %v", c.value, c.schema, faults, warnings)
		}
		for _, w := range warnings {
			if !strings.HasPrefix(w.Path, "aggregate_types.t.events.x.handler.set.value") {
				t.Errorf("the warning is at %s", w.Path)
			}
		}
	}
}
