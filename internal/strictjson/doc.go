// Package strictjson checks that a JSON text means the same to every reader.
//
// RFC 8259 leaves some texts open: libraries disagree about an object that
// names a key twice, about escapes that are half of a surrogate pair, and
// about how deep they nest. One reader could then check a value and another
// fold a different one. So a text passes only when it is
//
//   - valid UTF-8,
//   - one well-formed JSON value with nothing but white space around it,
//   - without an object that has the same key twice, compared after unescaping,
//   - without an escaped surrogate that has no partner,
//   - nested at most as deep as the caller allows.
//
// Numbers are checked for their form only: any size and precision passes, for
// the text is kept as it is.
//
// [Check] allocates nothing for objects of up to 16 keys without escapes, recurses once for
// each level of nesting and never deeper than allowed, and takes time linear in
// the length of the text, whatever the text is.
//
// The package knows no event and imports only the standard library.
package strictjson
