// Package pages decodes messages full of events, several times faster than the
// general decoder: that builds metadata by reflection, a string for each text
// and a copy of the list for each doubling. It also decodes the answers to
// appends, which are small and as many as the appends.
//
// What stays true: a message is decoded as the general decoder would, or left to
// it. Each event owns its memory, so that keeping one keeps no page of others
// alive.
package pages
