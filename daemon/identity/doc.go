// Package identity is who a bank is to its broker and operator: a key that is made here
// and never leaves, a certificate for it, and the trust that came with it.
//
// # What lies in its directory
//
//	keys/NAME.key   private key, 0600, one for each token or request
//	identity.json   everything that was granted: the truth, replaced as a whole
//	bank.pem, ca.pem, trust.json   copies out of it, for [mqtt] and for people
//
// Every file is written under another name, synced, renamed, and its directory synced.
//
// # Enrolment over a power cut
//
// The key is on disk before the token is shown to anybody. The operator burns the token
// for that key; asked again with both while the token is good it gives the same
// certificate again. The certificate is on disk before the seed is erased, with the
// token's hash, so that a seed found beside it is known for the one that was used. So
// there is no moment at which a cut loses the token. TestPowerCut makes one before each
// change on disk.
//
// # Time
//
// The endpoint's certificate and our own are judged at bank time as the broker's is
// (contract 8, sync/peer): a board at 1970 enrols, "expired" passes by no clock. Whether
// a renewal is due is asked of bank time; while that is unset, the operator is asked once
// a day instead, and answers with the certificate there is if it is young. No time that
// the endpoint tells is believed.
//
// # Keys that are in no file
//
// All use of the key goes through crypto.Signer and Keys. A TPM or secure element is
// another Keys; none is built.
package identity
