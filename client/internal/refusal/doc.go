// Package refusal reads what a server says when it does not do what it was
// asked for: the reason and details of a status, and what they mean for asking
// again. It decides by code and reason, never by the message, and holds no state.
package refusal
