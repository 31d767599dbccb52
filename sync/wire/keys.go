package wire

// Keys is a set of public keys with what each may do (contract 6.1).
type Keys struct{}
