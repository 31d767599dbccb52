package roguetest

import "lockerd/sync/wire"

// families is the catalogue of attempts. Weight is how often of the sum.
var families = []struct {
	name, why string
	weight    int
	make      func(*Rogue) Attempt
}{
	{"garbage", "no JWS at all", 3, (*Rogue).garbage},
	{"unsigned", "the payload alone, nobody has signed it", 3, (*Rogue).unsigned},
	{"alg none", "a header that says nobody needs to sign", 2, (*Rogue).algNone},
	{"alg HS256", "signed with the public key as a secret", 2, (*Rogue).algHMAC},
	{"own key", "signed by the rogue's key, which nobody trusts", 4, (*Rogue).ownKey},
	{"own key, borrowed name", "signed by the rogue's key under the kid of a trusted one", 4, (*Rogue).borrowed},
	{"tenant as operator", "signed by a tenant's key under the operator's kid", 3, (*Rogue).tenantAsOperator},
	{"bit flip", "changed after it was signed", 8, (*Rogue).flip},
	{"edited text", "some characters of the JWS changed, put in or taken out", 12, (*Rogue).edited},
	{"truncated", "cut off somewhere", 5, (*Rogue).truncated},
	{"spliced", "payload of one message, signature of another", 4, (*Rogue).spliced},
	{"respelled", "base64 with padding, line ends or spaces", 4, (*Rogue).respelled},
	{"other serialization", "JWS in its JSON forms", 2, (*Rogue).jsonForm},
	{"other header", "signed, with a header of more or other members", 4, (*Rogue).otherHeader},
	{"retained", "genuine, but the broker had kept it", 5, (*Rogue).retained},
	{"other topic", "genuine, but sent to another topic", 5, (*Rogue).otherTopic},
	{"other bank", "genuine, for another bank", 5, (*Rogue).otherBank},
	{"other journal", "genuine, for the journal of a board that was replaced", 5, (*Rogue).otherJournal},
	{"other tenant", "a tenant's key on another's set", 5, (*Rogue).otherTenant},
	{"other purpose", "a tenant's key on what needs the operator's", 4, (*Rogue).otherPurpose},
	{"service", "a service code in a tenant's set", 3, (*Rogue).service},
	{"too large", "more than 64 KiB", 3, (*Rogue).tooLarge},
	{"deep", "signed, nested deeper than anybody needs", 4, (*Rogue).deep},
	{"twice", "signed, with a member that stands twice", 5, (*Rogue).twice},
	{"other case", "signed, with bank, typ or v in capitals", 3, (*Rogue).otherCase},
	{"numbers", "signed, with numbers that readers understand differently", 4, (*Rogue).numbers},
	{"wrong type", "signed, with a member of another type, or without it", 4, (*Rogue).wrongType},
	{"bad text", "signed, with what is no UTF-8", 2, (*Rogue).badText},
	{"trailing", "signed, with data after the payload", 2, (*Rogue).trailing},
	{"bad trust", "signed, a key set that would lock the operator out or let a tenant in", 3, (*Rogue).badTrust},
	{"replay", "heard before, and said again", 5, (*Rogue).replay},
}

var topics = []string{wire.TopicAck, wire.TopicCodes, wire.TopicDesired, wire.TopicCommand, wire.TopicTrust}
