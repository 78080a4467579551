// Package interchange is the line format that events are exported, imported
// and printed in: one JSON object a line, both directions.
//
// A complete export begins with a header line, then has every event of the log
// in order:
//
//	{"stet_export":1,"history_id":"5f…","head":2}
//	{"stream":"cart-1","version":1,"position":1,"recorded_at":"2026-01-02T03:04:05.000006Z",
//	 "id":"0190…","type":"ItemAdded","occurred_at":"2026-01-02T03:04:00Z","schema_version":1,
//	 "metadata":{"actor_id":"7"},"tags":["sku:A1"],"json":{"sku":"A1"}}
//
// (an event is on one line; it is folded here.) To import, stream and type are
// enough. The payload is one of
//
//   - json: the payload itself, as a JSON value. Its bytes are kept, blanks
//     included. Written when the payload is compact, so that a program that
//     reads the line and writes it again changes nothing;
//   - json_text: the payload's text as a string. Written when it has blanks
//     between its parts;
//   - binary: base64, for payloads that are not JSON.
//
// None of them stands for the payload {}. A null stands for a missing field,
// except in json.
//
// What must stay true: the same event always gives the same bytes; a line read
// and written again is the same event, byte for byte in its payload. Reading
// is strict: unknown and repeated fields are refused, names are compared
// exactly.
//
// The package knows no file, no network and no engine.
package interchange
