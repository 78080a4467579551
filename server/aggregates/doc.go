// Package aggregates answers the calls of stet.v1.Aggregates: it makes of each
// message what package replay/aggregate takes, and of what that gives the
// answer. No rule of the domain is here. Package httpapi does the same over HTTP.
//
// What must stay true:
//
//   - Whatever is wrong with the form of a request is told at once, with the
//     paths of its fields, before anything is asked.
//   - An answer of several items ends by count or by bytes, whichever comes first.
//   - Who may only write learns no state by writing.
//   - When the server drains, nothing new is written (I11).
//
// The calls return domain errors; package server, which registers them, makes
// statuses of these.
package aggregates
