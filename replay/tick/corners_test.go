package tick_test

import "testing"

// runExamples checks examples in the form of the reference.
func runExamples(t *testing.T, examples []string) {
	t.Helper()
	for _, text := range examples {
		if problem := check(t, parse(t, text)); problem != "" {
			t.Errorf("%s\n%s", problem, text)
		}
	}
}

func TestOperationsAtTheirCorners(t *testing.T) {
	runExamples(t, []string{
		// set
		`{"before": {"a": 1}, "handler": {"set": {"target": "a.b", "value": 2}}, "after": {"a": 1}, "warnings": ["wrong_type"]}`,
		`{"before": {"a": null}, "handler": {"set": {"target": "a.b", "value": 2}}, "after": {"a": null}, "warnings": ["wrong_type"]}`,
		`{"before": {"a": [1]}, "handler": {"set": {"target": "a.1", "value": 2}}, "after": {"a": [1]}, "warnings": ["missing_value"]}`,
		`{"before": {"a": [1]}, "handler": {"set": {"target": "a.-2", "value": 2}}, "after": {"a": [1]}, "warnings": ["missing_value"]}`,
		`{"before": {"a": [1]}, "handler": {"set": {"target": "a.00", "value": 2}}, "after": {"a": [1]}, "warnings": ["missing_value"]}`,
		`{"before": {"a": [1]}, "handler": {"set": {"target": "a.b", "value": 2}}, "after": {"a": [1]}, "warnings": ["missing_value"]}`,
		`{"before": {"a": [[1], {"x": 1}]}, "handler": [{"set": {"target": "a.0.-1", "value": 2}}, {"set": {"target": "a.1.y.z", "value": 3}}], "after": {"a": [[2], {"x": 1, "y": {"z": 3}}]}}`,
		`{"handler": {"set": {"target": "a.0.-1", "value": 2}}, "after": {"a": {"0": {"-1": 2}}}}`,
		`{"before": {"a": 1}, "handler": {"set": {"target": "", "value": {"b": 2}}}, "after": {"b": 2}}`,
		`{"before": {"a": 1}, "handler": {"set": {"target": "", "value": []}}, "after": {"a": 1}, "warnings": ["wrong_type"]}`,
		`{"before": {"a": 1}, "handler": {"set": {"target": "", "value": "@.a"}}, "after": {"a": 1}, "warnings": ["wrong_type"]}`,
		`{"before": {"a": 1}, "handler": {"set": {"target": "a", "value": null}}, "after": {"a": null}}`,
		`{"before": {"a": 1, "b": 2}, "handler": {"set": {"target": "a", "value": 3}}, "after": {"a": 3, "b": 2}}`,
		`{"handler": [], "before": {"a": 1}, "after": {"a": 1}}`,
		// Each operation sees what the one before has left.
		`{"handler": [{"set": {"target": "a", "value": 1}}, {"set": {"target": "b", "value": "@"}}, {"set": {"target": "c", "value": "@.b.a"}}], "after": {"a": 1, "b": {"a": 1}, "c": 1}}`,
		// What is stored is a copy.
		`{"before": {"a": [1]}, "handler": [{"set": {"target": "b", "value": "@.a"}}, {"append": {"target": "a", "value": 2}}, {"append": {"target": "b", "value": 3}}, {"append": {"target": "a", "value": 4}}], "after": {"a": [1, 2, 4], "b": [1, 3]}}`,
		`{"data": {"x": {"n": 1}}, "handler": [{"set": {"target": "p", "value": "$.data.x"}}, {"set": {"target": "q", "value": "$.data.x"}}, {"set": {"target": "p.n", "value": 2}}], "after": {"p": {"n": 2}, "q": {"n": 1}}}`,
		// merge
		`{"before": {"a": [1]}, "handler": {"merge": {"target": "a", "value": {}}}, "after": {"a": [1]}, "warnings": ["wrong_type"]}`,
		`{"before": {"a": {}}, "handler": {"merge": {"target": "a", "value": [1]}}, "after": {"a": {}}, "warnings": ["wrong_type"]}`,
		`{"before": {"a": null}, "handler": {"merge": {"target": "a", "value": {"b": 1}}}, "after": {"a": null}, "warnings": ["wrong_type"]}`,
		`{"before": {"a": {"x": {"y": 1}}}, "handler": {"merge": {"target": "a", "value": {"x": {"z": 2}}}}, "after": {"a": {"x": {"z": 2}}}}`,
		`{"handler": {"merge": {"target": "a.b", "value": "$.data.none?"}}, "after": {}}`,
		// append
		`{"before": {"a": {}}, "handler": {"append": {"target": "a", "value": 1}}, "after": {"a": {}}, "warnings": ["wrong_type"]}`,
		`{"before": {"a": null}, "handler": {"append": {"target": "a", "value": 1}}, "after": {"a": null}, "warnings": ["wrong_type"]}`,
		`{"handler": {"append": {"target": "", "value": 1}}, "after": {}, "warnings": ["wrong_type"]}`,
		`{"handler": [{"append": {"target": "a.b", "value": "$.data"}}, {"append": {"target": "a.b", "value": "$.data.no?"}}], "after": {"a": {"b": [{}]}}}`,
		// remove
		`{"before": {"a": {"b": 1}}, "handler": {"remove": {"target": "a.b"}}, "after": {"a": {}}}`,
		`{"before": {"a": 1}, "handler": {"remove": {"target": "b"}}, "after": {"a": 1}, "warnings": ["missing_value"]}`,
		`{"before": {"a": 1}, "handler": {"remove": {"target": "a.b.c"}}, "after": {"a": 1}, "warnings": ["missing_value"]}`,
		`{"before": {"a": [1, 2, 3]}, "handler": [{"remove": {"target": "a.-1"}}, {"remove": {"target": "a.5"}}], "after": {"a": [1, 2]}, "warnings": ["missing_value"]}`,
		`{"before": {"a": {}}, "handler": {"remove": {"target": "a", "where": {}}}, "after": {"a": {}}, "warnings": ["wrong_type"]}`,
		`{"handler": {"remove": {"target": "a", "where": {}}}, "after": {}, "warnings": ["missing_value"]}`,
		`{"before": {"a": [1, {}]}, "handler": {"remove": {"target": "a", "where": {}}}, "after": {"a": []}}`,
		`{"before": {"a": [1, 2, 2]}, "handler": {"remove": {"target": "a", "where": {"equals": ["%", 2]}}}, "after": {"a": [1]}}`,
		// increment, decrement
		`{"before": {"n": "1"}, "handler": {"increment": {"target": "n"}}, "after": {"n": "1"}, "warnings": ["wrong_type"]}`,
		`{"before": {"n": null}, "handler": {"increment": {"target": "n"}}, "after": {"n": null}, "warnings": ["wrong_type"]}`,
		`{"handler": {"increment": {"target": "n", "by": "one"}}, "after": {}, "warnings": ["wrong_type"]}`,
		`{"handler": {"increment": {"target": "n", "by": "$.data.by"}}, "after": {}, "warnings": ["missing_value"]}`,
		`{"handler": {"increment": {"target": "n", "by": "$.data.by?"}}, "after": {}}`,
		`{"handler": [{"decrement": {"target": "a.n", "by": 0.5}}, {"increment": {"target": "a.n", "by": -2}}], "after": {"a": {"n": -2.5}}}`,
		`{"handler": {"increment": {"target": "", "by": 1}}, "after": {}, "warnings": ["wrong_type"]}`,
		`{"before": {"n": 9999999999999999999999999999999999}, "handler": {"increment": {"target": "n"}}, "after": {"n": 9999999999999999999999999999999999}, "warnings": ["rounded"]}`,
		// filter
		`{"before": {"a": 1}, "handler": {"filter": {"target": "a", "where": {}}}, "after": {"a": 1}, "warnings": ["wrong_type"]}`,
		`{"handler": {"filter": {"target": "a", "where": {}}}, "after": {}, "warnings": ["missing_value"]}`,
		`{"before": {"a": [{"k": 1}, 7, {"k": 2}, null]}, "handler": {"filter": {"target": "a", "where": {"in": ["%.k", [2, 3]]}}}, "after": {"a": [{"k": 2}]}}`,
		`{"before": {"a": [1, 2]}, "handler": {"filter": {"target": "a", "where": {"gt": ["%", 5]}}}, "after": {"a": []}}`,
		// set_at and the others
		`{"before": {"a": [1, 2]}, "handler": [{"set_at": {"target": "a", "key": -1, "value": 9}}, {"increment_at": {"target": "a", "key": "0"}}], "after": {"a": [2, 9]}}`,
		`{"handler": [{"set_at": {"target": "a", "key": 5, "value": 1}}, {"set_at": {"target": "a", "key": 2.0, "value": 2}}], "after": {"a": {"5": 1, "2": 2}}}`,
		`{"handler": [{"set_at": {"target": "", "key": "", "value": 1}}], "after": {"": 1}}`,
		`{"handler": [{"set_at": {"target": "a", "key": 1.5, "value": 1}}, {"set_at": {"target": "a", "key": true, "value": 1}}, {"set_at": {"target": "a", "key": null, "value": 1}}], "after": {}, "warnings": ["wrong_type", "wrong_type", "wrong_type"]}`,
		`{"handler": [{"set_at": {"target": "a", "key": "$.data.k", "value": 1}}, {"set_at": {"target": "a", "key": "$.data.k?", "value": 1}}], "after": {}, "warnings": ["missing_value"]}`,
		`{"before": {"a": {"x": 1}}, "handler": [{"remove_at": {"target": "a", "key": "y"}}, {"merge_at": {"target": "a", "key": "x", "value": {}}}, {"increment_at": {"target": "a", "key": "x", "by": 0.0}}], "after": {"a": {"x": 1.0}}, "warnings": ["missing_value", "wrong_type"]}`,
		`{"before": {"a": [1, 2]}, "handler": {"remove_at": {"target": "a", "key": 0}}, "after": {"a": [2]}}`,
		`{"data": {"k": "a\"b\n"}, "handler": [{"set_at": {"target": "m", "key": "$.data.k", "value": 1}}, {"increment_at": {"target": "m", "key": "a\"b\n"}}], "after": {"m": {"a\"b\n": 2}}}`,
		// conditional
		`{"handler": {"conditional": {"if": {"exists": "@.a"}, "then": {"set": {"target": "a", "value": 1}}}}, "after": {}}`,
		`{"handler": {"conditional": {"if": {"exists": "$.data"}, "then": [], "else": {"set": {"target": "a", "value": 1}}}}, "after": {}}`,
		`{"handler": {"conditional": {"if": {"equals": [1, 1]}, "then": [{"set": {"target": "a", "value": "@.no"}}, {"set": {"target": "b", "value": 1}}, {"set": {"target": "c", "value": "@.b"}}]}}, "after": {"b": 1, "c": 1}, "warnings": ["missing_value"]}`,
		// let
		`{"data": {"m": {"x": [1, 2]}}, "handler": {"let": {"bind": {"m": "$.data.m"}, "do": [{"set": {"target": "a", "value": "#.m.x.1"}}, {"set": {"target": "b", "value": {"all": "#.m"}}}]}}, "after": {"a": 2, "b": {"all": {"x": [1, 2]}}}}`,
		`{"handler": {"let": {"bind": {"x": "$.data.no"}, "do": {"set": {"target": "a", "value": 1}}}}, "after": {}, "warnings": ["missing_value"]}`,
		`{"handler": {"let": {"bind": {"x": "$.data.no?"}, "do": [{"set": {"target": "a", "value": "#.x?"}}, {"set": {"target": "b", "value": "#.x"}}, {"set": {"target": "c", "value": {"$default": ["#.x", 1]}}}]}}, "after": {"c": 1}, "warnings": ["missing_value"]}`,
		`{"handler": {"let": {"bind": {"x": 1, "y": 2}, "do": {"let": {"bind": {"x": "#.y"}, "do": {"set": {"target": "a", "value": ["#.x", "#.y"]}}}}}}, "after": {"a": [2, 2]}}`,
		`{"handler": [{"let": {"bind": {"x": "@"}, "do": [{"set": {"target": "a", "value": 1}}, {"set": {"target": "b", "value": "#.x"}}]}}], "after": {"a": 1, "b": {}}}`,
	})
}

func TestOperationsOnItemsAtTheirCorners(t *testing.T) {
	runExamples(t, []string{
		// map
		`{"before": {"a": [1, 2.5]}, "handler": {"map": {"target": "a", "apply": {"increment": {"target": "", "by": 1}}}}, "after": {"a": [2, 3.5]}}`,
		`{"before": {"a": [1, "x", 2]}, "handler": {"map": {"target": "a", "apply": {"increment": {"target": ""}}}}, "after": {"a": [2, "x", 3]}, "warnings": ["wrong_type"]}`,
		`{"before": {"a": [{"n": 1}, {}]}, "handler": {"map": {"target": "a", "apply": [{"set": {"target": "m", "value": "%.n"}}, {"set": {"target": "seen", "value": true}}]}}, "after": {"a": [{"n": 1, "m": 1, "seen": true}, {"seen": true}]}, "warnings": ["missing_value"]}`,
		`{"before": {"a": [[1, 2], [3]], "b": 10}, "handler": {"map": {"target": "a", "apply": {"map": {"target": "", "apply": {"set": {"target": "", "value": {"$add": ["%", "@.b"]}}}}}}}, "after": {"a": [[11, 12], [13]], "b": 10}}`,
		`{"before": {"a": [1, 2]}, "handler": {"map": {"target": "a", "apply": {"set": {"target": "", "value": "@.a"}}}}, "after": {"a": [[1, 2], [1, 2]]}}`,
		`{"before": {"a": [{"sub": [1, 2], "n": 5}]}, "handler": {"map": {"target": "a", "apply": [{"filter": {"target": "sub", "where": {"gt": ["%", 1]}}}, {"set": {"target": "m", "value": "%.n"}}, {"append": {"target": "sub", "value": "%.m"}}]}}, "after": {"a": [{"sub": [2, 5], "n": 5, "m": 5}]}}`,
		`{"before": {"a": [{"n": 1}, {"n": 5}]}, "handler": {"map": {"target": "a", "apply": {"conditional": {"if": {"gt": ["%.n", 3]}, "then": [{"set": {"target": "n", "value": 0}}, {"set": {"target": "was", "value": "%.n"}}], "else": {"remove": {"target": "n"}}}}}}, "after": {"a": [{}, {"n": 0, "was": 0}]}}`,
		`{"before": {"a": [{"n": 1}]}, "handler": {"map": {"target": "a", "apply": {"let": {"bind": {"item": "%"}, "do": {"map": {"target": "in", "apply": []}}}}}}, "after": {"a": [{"n": 1}]}, "warnings": ["missing_value"]}`,
		`{"before": {"a": []}, "handler": {"map": {"target": "a", "apply": {"set": {"target": "", "value": 1}}}}, "after": {"a": []}}`,
		`{"before": {"a": [1]}, "handler": {"map": {"target": "a", "apply": []}}, "after": {"a": [1]}}`,
		`{"before": {"a": {}}, "handler": {"map": {"target": "a", "apply": []}}, "after": {"a": {}}, "warnings": ["wrong_type"]}`,
		// update_where
		`{"before": {"a": [{"k": 1}]}, "handler": {"update_where": {"target": "a", "where": {"k": 2}, "set": 5}}, "after": {"a": [{"k": 1}]}}`,
		`{"before": {"a": [{"k": 1}, {"k": 1}, 3]}, "handler": {"update_where": {"target": "a", "where": {"k": 1}, "set": {"was": "%"}}}, "after": {"a": [{"was": {"k": 1}}, {"was": {"k": 1}}, 3]}}`,
		`{"before": {"a": [{"k": 1}]}, "handler": {"update_where": {"target": "a", "where": {}, "set": "%.no?"}}, "after": {"a": [{"k": 1}]}}`,
		`{"before": {"a": [{"k": 1}]}, "handler": {"update_where": {"target": "a", "where": {}, "set": "%.no"}}, "after": {"a": [{"k": 1}]}, "warnings": ["missing_value"]}`,
		`{"before": {"a": [1]}, "handler": {"update_where": {"target": "a", "where": {}, "merge": {}}}, "after": {"a": [1]}, "warnings": ["wrong_type"]}`,
		`{"before": {"a": [1, 2, 3]}, "handler": {"update_where": {"target": "a", "where": {"gte": ["%", 2]}, "apply": [{"increment": {"target": "", "by": 10}}]}}, "after": {"a": [1, 12, 13]}}`,
		`{"handler": {"update_where": {"target": "a", "where": {}, "set": 1}}, "after": {}, "warnings": ["missing_value"]}`,
		// upsert
		`{"handler": {"upsert": {"target": "a.b", "match": {"k": 1}, "value": {"k": 1}}}, "after": {"a": {"b": [{"k": 1}]}}}`,
		`{"before": {"a": [{"k": 1}, {"k": 1}]}, "handler": {"upsert": {"target": "a", "match": {"k": 1}, "value": {"n": 2}}}, "after": {"a": [{"k": 1, "n": 2}, {"k": 1}]}}`,
		`{"handler": {"upsert": {"target": "a", "match": {"k": 1}, "value": 1}}, "after": {}, "warnings": ["wrong_type"]}`,
		`{"before": {"a": [1]}, "handler": {"upsert": {"target": "a", "match": {"equals": ["%", 1]}, "value": {}}}, "after": {"a": [1]}, "warnings": ["wrong_type"]}`,
		`{"before": {"a": {}}, "handler": {"upsert": {"target": "a", "match": {}, "value": {}}}, "after": {"a": {}}, "warnings": ["wrong_type"]}`,
		`{"before": {"a": [{"l": [{"k": 1}], "id": 7}]}, "handler": {"map": {"target": "a", "apply": {"upsert": {"target": "l", "match": {"k": 2}, "value": {"k": 2, "of": "%.id"}}}}}, "after": {"a": [{"l": [{"k": 1}, {"k": 2, "of": 7}], "id": 7}]}}`,
		// append_unique
		`{"before": {"a": [{"x": 1, "y": 2}]}, "handler": {"append_unique": {"target": "a", "value": {"y": 2.0, "x": 1}}}, "after": {"a": [{"x": 1, "y": 2}]}}`,
		`{"handler": [{"append_unique": {"target": "a", "value": {"n": 1}, "key": "id"}}], "after": {}, "warnings": ["missing_value"]}`,
		`{"before": {"a": [5, {"n": 1}, {"id": {"v": 2}}]}, "handler": [{"append_unique": {"target": "a", "value": {"id": {"v": 1}}, "key": "id.v"}}, {"append_unique": {"target": "a", "value": {"id": {"v": 2.0}}, "key": "id.v"}}], "after": {"a": [5, {"n": 1}, {"id": {"v": 2}}, {"id": {"v": 1}}]}}`,
		`{"before": {"a": "x"}, "handler": {"append_unique": {"target": "a", "value": 1}}, "after": {"a": "x"}, "warnings": ["wrong_type"]}`,
		`{"before": {"a": [null]}, "handler": [{"append_unique": {"target": "a", "value": null}}, {"append_unique": {"target": "a", "value": "$.data.no?"}}], "after": {"a": [null]}}`,
	})
}

func TestValuesAtTheirCorners(t *testing.T) {
	runExamples(t, []string{
		`{"template": ["$5", "@bob", "#tag", "%x", "$", "#", "@?", "%?", "$data", "a$.data", "%", "", "$$.data", " $.data"], "gives": ["$5", "@bob", "#tag", "%x", "$", "#", "@?", "%?", "$data", "a$.data", "%", "", "$$.data", " $.data"]}`,
		`{"template": "@", "state": {"a": 1}, "gives": {"a": 1}}`,
		`{"template": {"a": {"b": "$.data.no?"}, "c": [["$.data.no?"]]}, "gives": {"a": {}, "c": [[]]}}`,
		`{"template": "$.data.a?", "data": {"a": null}, "gives": null}`,
		`{"template": {"$": "$.data.no?"}, "gives": null}`,
		`{"template": "$.data.a.-1.b", "data": {"a": [1, {"b": 2}]}, "gives": 2}`,
		`{"template": "$.data.0", "data": {"0": "key"}, "gives": "key"}`,
		`{"template": "$.data.a b.\"c", "data": {"a b": {"\"c": 1}}, "gives": 1}`,
		`{"template": {"$literal": {"$literal": "$.data"}}, "gives": {"$literal": "$.data"}}`,
		`{"template": {"plain": {"x": [1, {"y": null}]}, "t": true}, "gives": {"plain": {"x": [1, {"y": null}]}, "t": true}}`,
		// $merge, $default
		`{"template": {"$merge": [{}]}, "gives": {}}`,
		`{"template": {"$merge": ["$.data.no?", "$.data.no?"]}, "gives": {}}`,
		`{"template": {"$default": ["$.data.no", "$.data.no?"]}, "gives": null}`,
		`{"template": {"$default": [{"$add": ["@.n", 1]}, 0]}, "gives": 0}`,
		`{"template": {"$default": [{"$at": ["$.data", "x"]}, "none"]}, "gives": "none"}`,
		`{"template": {"$default": [null, 1]}, "gives": null}`,
		`{"template": {"$default": ["$.data.a", "$.data.b", "$.data.c"]}, "data": {"c": 3}, "gives": 3}`,
		`{"template": [{"$add": ["$.data.no?", 1]}, {"$len": "$.data.no?"}, {"$at": ["$.data.no?", "x"]}, {"$at": ["$.data", "$.data.no?"]}], "gives": []}`,
		// $at
		`{"template": [{"$at": [["a", "b"], 0]}, {"$at": [["a", "b"], "1"]}, {"$at": [{"1": "x"}, 1]}, {"$at": [{"1": "x"}, 1.0]}, {"$at": [["a"], -1]}], "gives": ["a", "b", "x", "x", "a"]}`,
		// $if takes only the value that it needs.
		`{"template": {"$if": [{"exists": "$.data.a"}, "$.data.a", "none"]}, "gives": "none"}`,
		`{"template": [{"$if": [{"exists": "$.data"}, "$.data.no?", 1]}, 2], "gives": [2]}`,
		`{"template": {"$len": ""}, "gives": 0}`,
		`{"template": {"$len": "a\n\"é"}, "gives": 4}`,
		`{"template": {"$concat": ["a\"", "$.data.no?", -1.50, 1e3]}, "gives": "a\"-1.501e3"}`,
		`{"template": {"$concat": ["$.data.no?"]}, "gives": ""}`,
		`{"template": {"$sub": [{"$mul": [3, 0.10]}, {"$add": [0.1, 0.2]}]}, "gives": 0.00}`,
	})
}

func TestPredicatesAtTheirCorners(t *testing.T) {
	for _, c := range []struct {
		predicate string
		holds     bool
	}{
		{`{"equals": [1, 1.0]}`, true},
		{`{"equals": ["1", 1]}`, false},
		{`{"equals": [null, "$.data.null"]}`, true},
		{`{"equals": ["$.data.no", "$.data.no"]}`, false},
		{`{"equals": ["$.data.no?", "$.data.no?"]}`, false},
		{`{"not_equals": ["$.data.no", "$.data.no"]}`, true},
		{`{"not_equals": [1, "1"]}`, true},
		{`{"not_equals": [1, 1.00]}`, false},
		{`{"equals": [{"$add": ["x", 1]}, 1]}`, false},
		{`{"not_equals": [{"$add": ["x", 1]}, 1]}`, true},
		{`{"gt": [2, 1]}`, true},
		{`{"gt": [1, 1.0]}`, false},
		{`{"gt": ["b", "a"]}`, true},
		{`{"gt": ["10", "9"]}`, false},
		{`{"gt": [true, false]}`, false},
		{`{"lt": [null, 1]}`, false},
		{`{"gte": [null, null]}`, false},
		{`{"gte": [[1], [1]]}`, false},
		{`{"lte": ["$.data.no", 1]}`, false},
		{`{"gte": [1, "$.data.no"]}`, false},
		{`{"lt": [1e-100, 1e100]}`, true},
		{`{"lte": [0.1, 0.10]}`, true},
		{`{"in": [1, [2, 1.0]]}`, true},
		{`{"in": ["a", "abc"]}`, false},
		{`{"in": ["a", {"a": 1}]}`, false},
		{`{"in": ["$.data.no", []]}`, false},
		{`{"in": [1, "$.data.no"]}`, false},
		{`{"not_in": [1, "$.data.no"]}`, true},
		{`{"not_in": ["a", "abc"]}`, true},
		{`{"not_in": [1, [1]]}`, false},
		{`{"in": [[1], [[1.0]]]}`, true},
		{`{"exists": "$.data.null"}`, true},
		{`{"exists": "$.data.no"}`, false},
		{`{"exists": "$.data.no?"}`, false},
		{`{"exists": 1}`, true},
		{`{"exists": {"$add": ["$.data.null", 1]}}`, false},
		{`{"and": []}`, true},
		{`{"or": []}`, false},
		{`{"and": [{"equals": [1, 1]}, {"equals": [1, 2]}]}`, false},
		{`{"or": [{"equals": [1, 2]}, {"equals": [1, 1]}]}`, true},
		{`{"not": {"or": [{"equals": [1, 2]}, {"equals": [2, 1]}]}}`, true},
	} {
		holds := "false"
		if c.holds {
			holds = "true"
		}
		runExamples(t, []string{`{"predicate": ` + c.predicate + `, "data": {"null": null}, "holds": ` + holds + `}`})
	}
	runExamples(t, []string{
		`{"where": {"a": 1, "b.c": 2}, "item": {"a": 1, "b": {"c": 2}}, "holds": true}`,
		`{"where": {"a": 1, "b.c": 2}, "item": {"a": 1}, "holds": false}`,
		`{"where": {"a": null}, "item": {}, "holds": false}`,
		`{"where": {"a": "$.data.no?"}, "item": {}, "holds": false}`,
		`{"where": {"a": 1}, "item": 5, "holds": false}`,
		`{"where": {"0": 5}, "item": [5], "holds": true}`,
		`{"where": {}, "item": 5, "holds": true}`,
		`{"where": {"in": 1, "a": 2}, "item": {"in": 1, "a": 2}, "holds": true}`,
		`{"where": {"or": [{"a": 1}, {"not": {"b": 2, "c": 3}}]}, "item": {"b": 2, "c": 4}, "holds": true}`,
		`{"where": {"equals": ["%.in", "@.n"]}, "item": {"in": 1}, "state": {"n": 1}, "holds": true}`,
		`{"where": {"status": {"a": "$.data.x"}}, "item": {"status": {"a": 1}}, "data": {"x": 1.0}, "holds": true}`,
	})
}
