// Package keyring knows the bearer keys of a server and what each may do. One
// ring guards all listeners: gRPC calls of every kind, reflection, HTTP, and the
// operations listener.
//
// What must stay true:
//
//   - A key is never kept: the file and the memory have its SHA-256 only. Keys are
//     random, so nothing slower is needed.
//   - Comparing takes the same time whatever is compared.
//   - Who has no scope for something is refused; no scope contains another.
//   - A nil [*Ring] is open: everybody may do everything, and nobody has a name.
//     Its user makes sure that only this machine reaches the server then.
//
// The package knows no gRPC and no HTTP.
package keyring
