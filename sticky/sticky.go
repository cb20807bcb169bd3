// Package sticky keeps a session on its replica: it makes a pin the value of a cookie, and
// the other way round.
//
// The value is signed, so that a client can only keep or drop what it was given, and holds
// no address: nothing about the network can be learned from it, and a task is still found
// by its seat when its successor answers elsewhere. Whatever comes back and was not signed
// here is no pin: forged, foreign and broken values are not told apart to the client.
package sticky
