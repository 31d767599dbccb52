package wire

// Reasons for refusing a message from above (contract 6.1).
const (
	BadSignature = "bad_signature"
	UnknownKey   = "unknown_key"
	WrongPurpose = "wrong_purpose"
	WrongBank    = "wrong_bank"
	WrongJournal = "wrong_journal"
	WrongTenant  = "wrong_tenant"
	Stale        = "stale"
	Replayed     = "replayed"
	Retained     = "retained"
	TooLarge     = "too_large"
	Malformed    = "malformed"
	Quota        = "quota"
)

// Refusal says why a message from above is not honoured. It becomes the event
// message.refused.
type Refusal struct { //nolint:errname // an event first, and an error only between readers
	Reason string
	Topic  string // last word of the topic
	Set    string // of a codes message whose signature holds
	Op     string // put, revoke, drop: the record at fault
	ID     string // its id
	Why    string // in words; never a code's text
}

// Error implements error.
func (r *Refusal) Error() string {
	s := "message refused: " + r.Reason
	if r.Why != "" {
		s += ": " + r.Why
	}
	return s
}
