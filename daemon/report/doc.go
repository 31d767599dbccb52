// Package report makes of a bank's events what a service manager asks: how long
// people were at the bank (the 60-second promise, measured), what failed and
// where, when it is busy, what has lain there for long, and which doors wear.
//
// It is pure and folds: events go in one after another in the order of the
// journal, nothing is kept of a single one. Memory is bounded by doors, kinds,
// reasons and skus. Percentiles come from histograms and are exact below 256 ms
// and at most 0.8 % too high above; maxima are exact. A Fold has one owner.
package report
