package schema

import (
	"bytes"
	"encoding/json"
)

// Schema is one JSON Schema, or a part of one.
type Schema struct {
	Dialect     string    `json:"$schema,omitempty"`
	ID          string    `json:"$id,omitempty"`
	Ref         string    `json:"$ref,omitempty"`
	Title       string    `json:"title,omitempty"`
	Description string    `json:"description,omitempty"`
	Type        any       `json:"type,omitempty"`
	Const       any       `json:"const,omitempty"`
	Enum        []any     `json:"enum,omitempty"`
	Format      string    `json:"format,omitempty"`
	Pattern     string    `json:"pattern,omitempty"`
	MinLength   int       `json:"minLength,omitempty"`
	MaxLength   int       `json:"maxLength,omitempty"`
	Minimum     *int64    `json:"minimum,omitempty"`
	Maximum     *int64    `json:"maximum,omitempty"`
	Properties  Members   `json:"properties,omitempty"`
	Required    []string  `json:"required,omitempty"`
	Extra       *Schema   `json:"additionalProperties,omitempty"`
	Names       *Schema   `json:"propertyNames,omitempty"`
	Items       *Schema   `json:"items,omitempty"`
	MinItems    int       `json:"minItems,omitempty"`
	MaxItems    int       `json:"maxItems,omitempty"`
	Unique      bool      `json:"uniqueItems,omitempty"`
	MinMembers  int       `json:"minProperties,omitempty"`
	MaxMembers  int       `json:"maxProperties,omitempty"`
	If          *Schema   `json:"if,omitempty"`
	Then        *Schema   `json:"then,omitempty"`
	Not         *Schema   `json:"not,omitempty"`
	Contains    *Schema   `json:"contains,omitempty"`
	AllOf       []*Schema `json:"allOf,omitempty"`
	AnyOf       []*Schema `json:"anyOf,omitempty"`
	OneOf       []*Schema `json:"oneOf,omitempty"`
	Defs        Members   `json:"$defs,omitempty"`
	Examples    []any     `json:"examples,omitempty"`
}

// Member is a named schema.
type Member struct {
	Name   string
	Schema *Schema
}

// Members are named schemas in their order.
type Members []Member

// MarshalJSON implements json.Marshaler.
func (m Members) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, f := range m {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := json.Marshal(f.Name)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(f.Schema)
		if err != nil {
			return nil, err
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// Write returns the file of a schema or document.
func Write(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(v)
	return b.Bytes(), err
}
