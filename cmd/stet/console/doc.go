// Package console is what all commands share: how they reach a server, what they
// read, and how they print. Data goes to stdout, and nothing that a client once
// wrote can steer a terminal.
//
// The package knows no command.
package console
