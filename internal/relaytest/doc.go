// Package relaytest gives tests a network that fails: a relay that stands
// between client and server and delays, trickles, drops, freezes, resets or
// cuts what goes through it.
package relaytest
