// Command stet is the event store: the server, and the tools to use it.
//
// It puts the packages together and holds nothing of its own: flags and
// environment variables are read here and nowhere else, and every command is
// one file. Commands that speak to a server do so through package client, as
// any other program would; serve, verify and import --preserve open a data
// directory.
//
// docs/cli.md is the commands' own help, held equal by a test.
package main
