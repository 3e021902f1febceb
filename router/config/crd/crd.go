// Package crd checks a document against its CustomResourceDefinition exactly as
// a Kubernetes API server would, without one.
//
// It runs the API server's own steps in the API server's order: unknown fields,
// defaults, the structural schema, then the CEL rules. So a file that passes here
// passes `kubectl apply`, and what fails here fails there with the same words.
//
// It looks at one object at a time. What only several objects together can tell,
// such as a reference to nothing, is for package config.
package crd

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/objectmeta"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
)

// Error is one thing that an API server would refuse.
type Error struct {
	Path    string // "spec.rules[0].matches[0].headers"; "" for the whole object
	Message string // the server's words: `Invalid value: -1: … should be greater than or equal to 0`; they may quote a secret
}

// Error joins path and message as an API server prints them.
func (e Error) Error() string {
	if e.Path == "" {
		return e.Message
	}
	return e.Path + ": " + e.Message
}

// Kinds returns the kinds that Validate knows, sorted.
func Kinds() []string {
	return slices.Sorted(maps.Keys(definitions))
}

// Validate checks obj, a document of the given kind, and returns a copy with the
// schema's defaults filled in, and the namespace "default" where it names none.
// It returns all errors at once, unknown fields first, then by path; the copy is
// fit for use only when there are none.
//
// obj is left as it is and holds what sigs.k8s.io/json decodes into: integers
// are int64, because a CEL rule on an integer refuses a float64. Validate may be
// called from several goroutines. The first call for a kind compiles its
// definition, which takes a moment.
func Validate(kind string, obj map[string]any) (defaulted map[string]any, errs []Error) {
	compile, ok := definitions[kind]
	if !ok {
		return nil, []Error{{Path: "kind", Message: fmt.Sprintf("Unsupported value: %q: supported values: %s", kind, quoted(Kinds()))}}
	}
	def := compile()
	obj = runtime.DeepCopyJSON(obj)

	if errs := def.typeErrors(obj); len(errs) > 0 {
		return obj, wireErrors(errs)
	}
	if def.hasStatus {
		delete(obj, "status") // written through a resource of its own; a server drops it here
	}
	meta, errs := def.admit(obj)
	if meta == nil {
		return obj, errs
	}
	return obj, append(errs, wireErrors(def.validate(obj, meta))...)
}

// typeErrors tells whether obj is what the definition is about at all.
func (d *definition) typeErrors(obj map[string]any) field.ErrorList {
	var errs field.ErrorList
	for _, f := range []struct{ name, want string }{{"kind", d.kind}, {"apiVersion", d.apiVersion}} {
		if got, _ := obj[f.name].(string); got != f.want {
			errs = append(errs, field.Invalid(field.NewPath(f.name), obj[f.name], "must be "+f.want))
		}
	}
	return errs
}

// admit does what a server does while it decodes: it drops what the schema does
// not know, with an error for each, and fills in defaults. It returns no metadata
// when it could not make sense of obj at all.
func (d *definition) admit(obj map[string]any) (*metav1.ObjectMeta, []Error) {
	meta, _, unknown, err := objectmeta.GetObjectMetaWithOptions(obj, objectmeta.ObjectMetaOptions{ReturnUnknownFieldPaths: true})
	if err != nil {
		return nil, []Error{{Path: "metadata", Message: err.Error()}}
	}
	if meta == nil {
		meta = &metav1.ObjectMeta{}
	}
	if meta.Namespace == "" {
		meta.Namespace = metav1.NamespaceDefault
	}

	unknown = append(unknown, pruning.PruneWithOptions(obj, d.schema, true, schema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true})...)
	defaulting.PruneNonNullableNullsWithoutDefaults(obj, d.schema)
	if err := objectmeta.SetObjectMeta(obj, meta); err != nil {
		return nil, []Error{{Path: "metadata", Message: err.Error()}}
	}
	defaulting.Default(obj, d.schema)

	slices.Sort(unknown)
	errs := make([]Error, 0, len(unknown))
	for _, path := range unknown {
		errs = append(errs, Error{Path: path, Message: fmt.Sprintf("unknown field %q", path)})
	}
	return meta, errs
}

// validate is the strategy of a server's custom resources for a new object.
func (d *definition) validate(obj map[string]any, meta *metav1.ObjectMeta) field.ErrorList {
	errs := metaErrors(meta)
	errs = append(errs, validation.ValidateCustomResource(nil, obj, d.validator)...)
	errs = append(errs, listtype.ValidateListSetsAndMaps(nil, d.schema, obj)...)
	if slices.ContainsFunc(errs, blocksRules) {
		// The rules count on the schema, so a server does not run them either.
		return append(sorted(errs), field.Invalid(nil, nil, "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation"))
	}
	celErrs, _ := d.rules.Validate(context.Background(), nil, d.schema, obj, nil, celconfig.RuntimeCELCostBudget)
	return sorted(append(errs, celErrs...))
}

// sorted orders errors, which come as Go's maps iterate.
func sorted(errs field.ErrorList) field.ErrorList {
	slices.SortFunc(errs, func(a, b *field.Error) int {
		return cmp.Or(strings.Compare(a.Field, b.Field), strings.Compare(a.ErrorBody(), b.ErrorBody()))
	})
	return errs
}

// metaErrors checks the metadata. A name is asked for even where the server would
// make one up from generateName: in a file, nothing could refer to it.
func metaErrors(meta *metav1.ObjectMeta) field.ErrorList {
	path := field.NewPath("metadata")
	if meta.Name == "" {
		return field.ErrorList{field.Required(path.Child("name"), "name is required")}
	}
	return apivalidation.ValidateObjectMeta(meta, true, apivalidation.NameIsDNSSubdomain, path)
}

// blocksRules reports whether an error keeps a server from running the rules.
func blocksRules(err *field.Error) bool {
	switch err.Type {
	case field.ErrorTypeNotSupported, field.ErrorTypeRequired, field.ErrorTypeTooLong, field.ErrorTypeTooMany, field.ErrorTypeTypeInvalid:
		return true
	}
	return false
}

// wireErrors says what a server says; it spells the path of the whole object "<nil>".
func wireErrors(errs field.ErrorList) []Error {
	out := make([]Error, 0, len(errs))
	for _, err := range errs {
		path := err.Field
		if path == "<nil>" {
			path = ""
		}
		out = append(out, Error{Path: path, Message: err.ErrorBody()})
	}
	return out
}

func quoted(names []string) string {
	parts := make([]string, len(names))
	for i, name := range names {
		parts[i] = strconv.Quote(name)
	}
	return strings.Join(parts, ", ")
}
