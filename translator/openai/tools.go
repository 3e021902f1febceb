package openai

import (
	"fmt"

	"llmroute/translator/chat"
	"llmroute/translator/raw"
)

func (r *reader) tools(v raw.Value) error {
	if len(v) > 0 && !v.IsArray() {
		return invalidType("tools", "an array of tools")
	}
	i := 0
	for e := v.Elements(); e.Next(); i++ {
		at := fmt.Sprintf("tools[%d]", i)
		tool := e.Value()
		kind := tool.Get("type").String()
		switch kind {
		case "function":
			if err := r.function(tool.Get("function"), at+".function"); err != nil {
				return err
			}
			r.req.Use(chat.FunctionTools, at)
		case "custom":
			if err := r.custom(tool.Get("custom"), at+".custom"); err != nil {
				return err
			}
		case "":
			return chat.Invalid("missing_required_parameter", at+".type", fmt.Sprintf("Missing required parameter: '%s.type'.", at))
		default:
			r.req.Tools = append(r.req.Tools, chat.Tool{Vendor: tool, Param: at})
		}
		r.req.Tools[len(r.req.Tools)-1].Cache = cacheMark(tool)
	}
	return nil
}

func (r *reader) function(f raw.Value, at string) error {
	t := chat.Tool{Name: f.Get("name").String(), Description: f.Get("description").Text(), Strict: f.Get("strict").IsTrue(), Param: at}
	if t.Name == "" {
		return chat.Invalid("missing_required_parameter", at+".name", fmt.Sprintf("Missing required parameter: '%s.name'.", at))
	}
	if p := f.Get("parameters"); p.Is() {
		if !p.IsObject() {
			return invalidType(at+".parameters", "a JSON schema")
		}
		t.Schema = p
	}
	if t.Strict {
		r.req.Use(chat.StrictTools, at+".strict")
	}
	r.req.Tools = append(r.req.Tools, t)
	return nil
}

func (r *reader) custom(c raw.Value, at string) error {
	t := chat.Tool{Name: c.Get("name").String(), Description: c.Get("description").Text(), Custom: true, Schema: chat.CustomSchema, Param: at}
	if t.Name == "" {
		return chat.Invalid("missing_required_parameter", at+".name", fmt.Sprintf("Missing required parameter: '%s.name'.", at))
	}
	field := chat.CustomTools
	if c.Get("format").Get("type").String() == "grammar" {
		field = chat.GrammarTools
		at += ".format"
	}
	r.req.Use(field, at)
	r.req.Tools = append(r.req.Tools, t)
	return nil
}

func (r *reader) toolChoice(v raw.Value) error {
	c := &r.req.Choice
	if len(r.req.Tools) == 0 || len(v) == 0 {
		return nil
	}
	field := chat.ChoiceFree
	if v.IsText() {
		switch v.String() {
		case "auto":
		case "none":
			c.Mode = chat.Never
		case "required":
			c.Mode, field = chat.Force, chat.ChoiceForced
		default:
			return chat.Invalid("invalid_value", "tool_choice", "Invalid value for 'tool_choice': expected 'none', 'auto', 'required' or an object.")
		}
		r.req.Use(field, "tool_choice")
		return nil
	}
	switch kind := v.Get("type").String(); kind {
	case "function", "custom":
		c.Mode, c.Name, field = chat.Force, v.Get(kind).Get("name").String(), chat.ChoiceForced
		if c.Name == "" { // else it would mean any tool
			at := "tool_choice." + kind + ".name"
			return chat.Invalid("missing_required_parameter", at, "Missing required parameter: '"+at+"'.")
		}
	case "allowed_tools":
		field = chat.ChoiceAmong
		allowed := v.Get("allowed_tools")
		for e := allowed.Get("tools").Elements(); e.Next(); {
			tool := e.Value()
			kind := tool.Get("type").String()
			name := tool.Get(kind).Get("name").String()
			if name == "" {
				at := fmt.Sprintf("tool_choice.allowed_tools.tools[%d]", len(c.Among))
				return chat.Invalid("missing_required_parameter", at, "Missing required parameter: '"+at+"' needs the type and the name of a tool.")
			}
			c.Among = append(c.Among, name)
		}
		if len(c.Among) == 0 {
			const at = "tool_choice.allowed_tools.tools"
			return chat.Invalid("missing_required_parameter", at, "Missing required parameter: '"+at+"' must name at least one tool.")
		}
		if allowed.Get("mode").String() == "required" {
			c.Mode = chat.Force
			r.req.Use(chat.ChoiceForced, "tool_choice.allowed_tools.mode")
		}
	default:
		return chat.Invalid("invalid_value", "tool_choice.type", "Invalid value for 'tool_choice.type': expected 'function', 'custom' or 'allowed_tools'.")
	}
	r.req.Use(field, "tool_choice")
	return nil
}

// legacy reads the fields that tools had before they were tools.
func (r *reader) legacy() error {
	if len(r.req.Tools) > 0 && !r.functions.Hollow() {
		return chat.Invalid("", "functions", "'functions' and 'tools' cannot be sent together: 'functions' is deprecated, make them 'tools'.")
	}
	i := 0
	for e := r.functions.Elements(); e.Next(); i++ {
		if err := r.function(e.Value(), fmt.Sprintf("functions[%d]", i)); err != nil {
			return err
		}
	}
	if i == 0 {
		return nil
	}
	r.req.Legacy, r.req.NoParallel = true, true
	r.req.Use(chat.LegacyFunctions, "functions")
	c := &r.req.Choice
	switch call := r.call; {
	case call.IsObject():
		c.Mode, c.Name = chat.Force, call.Get("name").String()
		r.req.Use(chat.ChoiceForced, "function_call")
	case call.String() == "none":
		c.Mode = chat.Never
	}
	return nil
}

// cacheMark returns the life that a mark on v asks for: "" without a mark.
func cacheMark(v raw.Value) string {
	mark := v.Get("prompt_cache_breakpoint")
	if !mark.IsObject() {
		// As users of other gateways write it.
		if mark = v.Get("cache_control"); !mark.IsObject() {
			return ""
		}
	}
	if ttl := mark.Get("ttl").String(); ttl != "" {
		return ttl
	}
	return "default"
}
