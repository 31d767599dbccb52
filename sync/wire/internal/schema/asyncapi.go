package schema

import "strings"

// Channel is one topic and its message.
type Channel struct {
	Topic  string // below {prefix}/{bank}/
	Schema string // file of the payload, without .json
	Says   string
	Signed bool // the payload is a JWS; Schema is of what is signed
	QoS    int
	Retain bool
}

// Sent tells whether the bank sends on the channel.
func (c Channel) Sent() bool { return !strings.HasPrefix(c.Topic, "down/") }

func (c Channel) name() string { return strings.ReplaceAll(c.Topic, "/", "_") }

type object = map[string]any

func ref(to string) object { return object{"$ref": to} }

// AsyncAPI is the document of a bank's channels, seen from the bank.
func AsyncAPI(title, says, version string, all []Channel) any {
	channels, operations, messages := object{}, object{}, object{}
	for _, c := range all {
		channels[c.name()] = object{
			"address":     "{prefix}/{bank}/" + c.Topic,
			"description": c.Says,
			"parameters":  object{"prefix": ref("#/components/parameters/prefix"), "bank": ref("#/components/parameters/bank")},
			"messages":    object{c.name(): ref("#/components/messages/" + c.name())},
		}
		action := "receive"
		if c.Sent() {
			action = "send"
		}
		operations[action+"_"+c.name()] = object{
			"action":   action,
			"summary":  c.Says,
			"channel":  ref("#/channels/" + c.name()),
			"messages": []object{ref("#/channels/" + c.name() + "/messages/" + c.name())},
			"bindings": object{"mqtt": object{"qos": c.QoS, "retain": c.Retain, "bindingVersion": "0.2.0"}},
		}
		messages[c.name()] = c.message()
	}
	return object{
		"asyncapi":           "3.0.0",
		"info":               object{"title": title, "version": version, "description": says},
		"defaultContentType": "application/json",
		"servers": object{"broker": object{
			"host": "broker.example.com:8883", "protocol": "secure-mqtt", "protocolVersion": "3.1.1",
			"description": "Any MQTT 3.1.1 broker that lets a bank publish state, state/+, up/+ and subscribe down/+ below its own topic, nothing else. Client id and user name are the bank's name.",
		}},
		"channels":   channels,
		"operations": operations,
		"components": object{"messages": messages, "parameters": object{
			"prefix": object{"description": "The fleet's topic prefix; it may have levels of its own.", "default": "lockers/v1"},
			"bank":   object{"description": "The bank's name: [a-z0-9][a-z0-9-]{0,31}.", "examples": []string{"lon-042"}},
		}},
	}
}

func (c Channel) message() object {
	payload := func(file string) object {
		return object{"schemaFormat": "application/schema+json;version=draft-2020-12", "schema": ref("./schema/" + file + ".json")}
	}
	m := object{"name": c.name(), "title": c.Topic, "contentType": "application/json", "payload": payload(c.Schema)}
	if c.Signed {
		m["contentType"] = "application/jose"
		m["payload"] = payload("jws")
		m["description"] = "A compact JWS. What is signed is described by x-signed-payload."
		m["x-signed-payload"] = payload(c.Schema)
	}
	return m
}
