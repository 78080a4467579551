// Package archtest holds the code to what ARCHITECTURE.md and CONTRIBUTING.md
// say about it. Each check looks at a [Tree] and returns what it found wrong;
// the tests run all of them over this repository, and each one over a small
// tree that breaks its rule on purpose.
//
//   - [Tree.Imports]: the import table is law, in both directions.
//   - [Tree.Goroutines]: goroutines start only where the table of goroutines
//     says how they end.
//   - [Tree.DocLinks]: a name in brackets in a comment is the name of
//     something.
//   - [Tree.Documentation]: every package has a doc.go, every exported name a
//     comment.
//   - [Tree.Fuzzing]: every fuzz target gets generated input and is counted.
//   - [Tree.Sizes]: no long file, function or package.
//   - [Tree.Names]: no package that is named like a drawer.
//   - [Tree.Text]: no path of one person's machine, no open end without an
//     issue number.
//   - [Tree.Links]: files, headings, tests and make targets that the docs name
//     exist.
//
// Generated code (gen) is only a place to import from. What the API's comments
// must have is checked by buf.
package archtest
