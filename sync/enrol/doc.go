// Package enrol is what a board and its operator's enrolment endpoint say to each other:
// HTTPS with JSON. The operator's end is package authority, the board's is
// daemon/identity; README.md beside this file is the page for people, and says what
// another CA has to do to stand in the authority's place.
//
//	POST /v1/enrol  Request with token and CSR  → 200 Grant
//	POST /v1/renew  by the present certificate  → 200 Grant
//	                refused                     → 403 Refusal; 400 where it can't be read
//	                not now                     → 5xx: try again
package enrol
