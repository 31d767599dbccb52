// Package strict decodes JSON that anybody may have written into Go types. It
// refuses what two readers could understand differently: duplicate members at
// any depth, also when they are spelled with escapes; trailing data; invalid
// UTF-8 and lone surrogates; whole numbers beyond 2^53-1; null where a value is
// due; a missing member. Names are matched to the letter, not as encoding/json
// does, for which BANK is bank as well. Unknown members are checked like the
// rest and then ignored.
//
// The Go type is the description: a member is required unless its tag says
// omitempty or omitzero. The tag strict:"optional" lifts that, strict:"null"
// allows null.
//
// Work and memory are linear in the input, depth is at most MaxDepth. An *Error
// never quotes a value: what stands there may be a secret or as long as the input.
package strict
