// Package relaytest gives tests a network that fails: a relay that stands
// between client and server and cuts what goes through it.
package relaytest
