package wire

import (
	"reflect"
	"slices"

	"lockerd/daemon/locker"
	"lockerd/sync/wire/internal/schema"
	"lockerd/sync/wire/internal/strict"
)

// s keeps the tables below readable.
type s = schema.Schema

func text(pattern string) s { return s{Type: "string", Pattern: pattern} }

// named is a tenant's name or what stands for one; local is the socket's.
func named(pattern string) s { return s{Type: "string", Pattern: pattern, Not: &s{Const: "local"}} }

func words(w ...any) s       { return s{Type: "string", Enum: w} }
func upTo(n int64) s         { return s{Maximum: &n} }
func from(lo int64) s        { return s{Minimum: &lo} }
func between(lo, hi int64) s { return s{Type: "integer", Minimum: &lo, Maximum: &hi} }
func always(v any) s         { return s{Const: v} }

const (
	bankForm   = `^[a-z0-9][a-z0-9-]{0,31}$`
	skuForm    = `^[a-z0-9][a-z0-9._-]{0,31}$`
	tenantForm = `^[a-z0-9][a-z0-9._-]{0,31}$`
	setForm    = `^(\*|[a-z0-9][a-z0-9._-]{0,31})$`
	idForm     = `^[A-Za-z0-9._-]{1,64}$`
	wordForm   = `^[!-~]{1,64}$`
	shownForm  = `^[^\x00-\x1f\x7f-\x9f]*$`
	sinceYear  = `-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?(Z|[+-][0-2]\d:[0-5]\d)$`
	timeForm   = `^\d{4}` + sinceYear
	windowFrom = `^(19[7-9]\d|[2-9]\d{3})` + sinceYear
	signedForm = `^20[2-9]\d` + sinceYear
	spanForm   = `^([0-9]+(\.[0-9]+)?(h|m|s|ms))+$`
)

// rules says what the Go types can't.
func rules(docs schema.Docs) *schema.Rules {
	return &schema.Rules{
		Docs: docs,
		Types: map[reflect.Type]s{
			reflect.TypeFor[locker.DoorID]():    text(`^[1-6]-(0[1-9]|[12][0-9]|3[0-4])$`),
			reflect.TypeFor[locker.Size]():      words("XS", "S", "M", "L", "XL"),
			reflect.TypeFor[locker.Tag]():       text(`^[A-Za-z0-9_-]{21}[AQgw]$`),
			reflect.TypeFor[locker.Digest]():    text(`^[0-9a-fA-F]{64}$`),
			reflect.TypeFor[locker.Time]():      {Type: "string", Format: "date-time", Pattern: timeForm},
			reflect.TypeFor[locker.Duration]():  text(spanForm),
			reflect.TypeFor[locker.Kind]():      words("collect", "deliver", "return", "swap", "clear", "service"),
			reflect.TypeFor[locker.Clock]():     words("synced", "held", "unset"),
			reflect.TypeFor[locker.Condition](): words("ready", "faulty", "uncertain"),
			reflect.TypeFor[locker.Cause]():     words("jammed", "flapping", "command", "desired", "control"),
			reflect.TypeFor[locker.Reason]():    {Type: "string"},
			reflect.TypeFor[locker.Scalar]():    {AnyOf: []*s{{Type: "string"}, {Type: "integer"}}},
			reflect.TypeFor[locker.Millis]():    {AnyOf: []*s{{Type: "integer"}, {Type: "object", Extra: &s{Type: "integer"}}}},
		},
		As: map[string]reflect.Type{
			"Trust.jwks":    reflect.TypeFor[jwkSet](),
			"Events.events": reflect.TypeFor[[]locker.Event](),
			"jwk.d":         reflect.TypeFor[any](),
		},
		Marks: map[string]string{
			"CommandArgs.item": "null", "Head.journal": "required", "Event.hash": "required",
		},
		Members: memberRules(),
		Structs: structRules(),
	}
}

func memberRules() map[string]s {
	m := map[string]s{
		"Head.typ": {Description: "the topic's last word"},

		"Codes.set": named(setForm), "Codes.chunk": between(1, MaxChunks), "Codes.chunks": between(1, MaxChunks), "Codes.nonce": text(wordForm),
		"Codes.at": text(signedForm), "Ack.at": text(signedForm),
		"Op.revoke": text(idForm), "Op.drop": text(idForm),
		"Code.id": text(idForm), "Code.tag": {Not: &s{Const: locker.Tag{}.String()}}, "Code.not_before": text(windowFrom), "Code.not_after": text(windowFrom), "Code.tenant": named(tenantForm), "Code.sku": text(skuForm), "Code.to": text(skuForm),
		"Code.ref": {MaxLength: maxRef, Pattern: shownForm}, "Code.name": {MaxLength: maxName, Pattern: shownForm, Description: "shown to the person; no control or format characters"},
		"Code.items": upTo(maxItems), "Code.uses": upTo(maxUses), "Code.label": {MaxLength: maxLabel, Description: "RE2 that a serial label matches wholly; at most 128 bytes"},

		"Desired.version": from(1), "Trust.version": from(1),
		"TenantRule.tenant": named(tenantForm), "SKURule.sku": text(skuForm), "SKURule.tenant": named(tenantForm), "SKURule.label": {MaxLength: maxLabel},
		"DoorRule.tenant": named(tenantForm), "Desired.texts": {Type: "object"}, "OpenRule.tries": upTo(maxTries),

		"Command.id": text(wordForm), "Command.nonce": text(wordForm), "Command.iat": text(signedForm), "Command.exp": text(signedForm),
		"Command.type":       words("open", "open_all", "out_of_service", "in_service", "identify", "poll", "self_test", "restart", "set_stock", "resync", "update", "bundle"),
		"CommandArgs.locker": between(1, locker.MaxLockers), "CommandArgs.channel": text(ChannelForm), "CommandArgs.version": text(wordForm), "CommandArgs.window": text(WindowForm),
		"CommandArgs.to": text(RecipientForm), "CommandArgs.bundle": text(wordForm),
		"Bundle.id": text(wordForm), "Bundle.chunk": between(1, MaxBundleChunks), "Bundle.chunks": between(1, MaxBundleChunks), "Bundle.bytes": between(1, MaxBundle),
		"Bundle.sha256": text(`^[0-9a-f]{64}$`), "Bundle.data": {MaxLength: BundleChunk * 4 / 3, Pattern: `^[A-Za-z0-9_-]+$`},
		"Item.tenant": named(`^([a-z0-9][a-z0-9._-]{0,31})?$`), "Item.sku": text(skuForm), "Item.serial": text(wordForm),
		"Reply.status": words("done", "refused", "failed", "unknown"),

		"jwkSet.keys": {MaxItems: MaxKeys}, "jwk.kty": always("OKP"), "jwk.crv": always("Ed25519"), "jwk.kid": text(wordForm),
		"jwk.x": text(`^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$`), "jwk.use": always("sig"), "jwk.alg": words("EdDSA", "Ed25519"),
		"jwk.lb_may":    {Unique: true, Items: &s{Enum: []any{TypAck, TypCodes, TypDesired, TypCommand, TypTrust, MayTicket}}},
		"jwk.lb_tenant": named(setForm), "jwk.key_ops": {Contains: &s{Const: "verify"}},
		"jwk.d": {Not: &s{}, Description: "private: never here"},

		"State.status": words(Online, Offline), "State.nonce": text(wordForm), "Get.want": always("codes"), "Get.set": named(setForm), "Get.nonce": text(wordForm), "Reply.id": text(wordForm),
		"Door.state": words("open", "closed", "unknown"), "BoardHealth.state": words("starting", "ok", "lost"), "ScannerHealth.state": words("starting", "ok", "lost"),
		"Events.events": {MinItems: 1, MaxItems: MaxEvents},
		"Event.type":    text(`^[a-z]+\.[a-z_]+$`), "Event.hash": text(`^[0-9a-f]{64}$`), "Event.delta": {Minimum: new(int64(-strict.MaxInt))},
	}
	for _, t := range []string{"Head", "State", "Stock", "Doors", "Health", "Events", "Reply", "Get", "Bundle"} {
		m[t+".v"] = always(Version)
		m[t+".bank"] = text(bankForm)
	}
	return m
}

// Each part says what type it is of and which members it means, for validators that
// are strict about that (ajv).

func object(members ...schema.Member) *s { return &s{Type: "object", Properties: members} }

func holds(member string, what s) *s { return object(schema.Member{Name: member, Schema: &what}) }

func members(what s, names ...string) (list schema.Members) {
	for _, n := range names {
		list = append(list, schema.Member{Name: n, Schema: &what})
	}
	return list
}

func need(names ...string) *s {
	return &s{Type: "object", Properties: members(s{}, names...), Required: names}
}
func without(names ...string) *s { return object(members(s{Not: &s{}}, names...)...) }
func all(parts ...*s) *s         { return &s{AllOf: parts} }
func when(member string, then *s, values ...any) *s {
	is := holds(member, s{Enum: values})
	is.Required = []string{member}
	return &s{If: is, Then: then}
}

// structRules are the rules between members.
func structRules() map[string]s {
	var args []*s
	for _, typ := range []string{"open", "open_all", "out_of_service", "in_service", "identify", "poll", "self_test", "restart", "set_stock", "resync", "update", "bundle"} {
		var not []string
		for _, n := range []string{"door", "locker", "item", "from", "channel", "version", "window", "to", "bundle"} {
			if !slices.Contains(takes[typ].need, n) && !slices.Contains(takes[typ].may, n) {
				not = append(not, n)
			}
		}
		args = append(args, when("type", holds("args", *all(need(takes[typ].need...), without(not...))), typ))
	}
	args = append(args,
		when("type", need("nonce"), "open", "open_all"),
		when("type", holds("args", *all(
			holds("from", between(1, MaxBundleChunks)),
			&s{If: need("bundle"), Then: need("from")},
			&s{If: need("from"), Then: need("bundle")},
		)), "bundle"),
	)
	own := *object( // a record of a tenant's set
		schema.Member{Name: "tenant", Schema: &s{Not: &s{}}},
		schema.Member{Name: "kind", Schema: &s{Not: &s{Const: "service"}}},
	)
	trusts := holds("lb_may", s{Type: "array", Contains: &s{Const: TypTrust}})
	trusts.Required = []string{"lb_may"}
	return map[string]s{
		"State": {AllOf: []*s{when("status", need("at", "clock", "version", "nonce", "journal", "codes", "desired", "trust", "command"), Online)}},
		"Codes": {OneOf: []*s{
			{Title: "delta", AllOf: []*s{need("from"), without("chunk", "chunks", "put")}},
			{Title: "chunk of a snapshot", AllOf: []*s{need("chunk", "chunks"), without("from", "ops")}},
		}, AllOf: []*s{{ // service and tenant stand in the set * only
			If: &s{Not: holds("set", s{Const: "*"})},
			Then: all(
				holds("put", s{Type: "array", Items: &own}),
				holds("ops", s{Type: "array", Items: holds("put", own)}),
			),
		}}},
		"Op": {OneOf: []*s{need("put"), need("revoke"), need("drop")}},
		"Code": {AllOf: []*s{
			when("kind", &s{OneOf: []*s{need("door"), need("sku")}}, "collect"),
			when("kind", need("sku"), "deliver"),
			when("kind", need("size"), "return"),
			when("kind", need("size", "to"), "swap"),
			when("uses", need("not_after"), 0),
		}},
		"Command": {AllOf: args},
		"Trust":   {AllOf: []*s{holds("jwks", *holds("keys", s{Type: "array", Contains: trusts}))}},
		"jwk": {AllOf: []*s{{
			If:   &s{Not: holds("lb_tenant", s{Const: "*"})},
			Then: holds("lb_may", s{Type: "array", Items: &s{Enum: []any{TypCodes, MayTicket}}}),
		}}},
	}
}
