// Package ramp is the domain of ramp contracts: who may act on what, with
// which scopes, for how long. It imports the standard library alone and knows
// nothing of Vault, clocks, storage or networks; whoever calls it brings time
// and facts along.
//
// The heart is [Decide]: enforcing a contract and explaining it are the same
// code.
package ramp
