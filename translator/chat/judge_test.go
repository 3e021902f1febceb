package chat

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"llmroute/translator/raw"
)

func TestJudge(t *testing.T) {
	rules := Rules{
		Seed:        Always(Warn),
		Penalties:   Always(Shift),
		LogitBias:   Always(Refuse),
		Temperature: {{Verdict: Warn, When: "hot", If: func(t *Trip) bool { return string(t.Request.Temperature) == "2" }}, {Verdict: Pass}},
		Unknown:     Always(Warn),
	}
	for _, tt := range []struct {
		name     string
		option   Unsupported
		use      Field
		param    string
		want     string // "" for judged; else the refusal's code and place
		warnings string
		stays    bool
	}{
		{"passed", "", Temperature, "temperature", "", "", true},
		{"a hint", "", Seed, "seed", "", "seed;unsupported", false},
		{"a hint, strictly", RejectUnsupported, Seed, "seed", "", "seed;unsupported", false},
		{"what shifts the meaning", "", Penalties, "presence_penalty", "", "presence_penalty;unsupported", false},
		{"what shifts the meaning, strictly", RejectUnsupported, Penalties, "presence_penalty", "unsupported_parameter presence_penalty", "", true},
		{"what is refused", "", LogitBias, "logit_bias", "unsupported_parameter logit_bias", "", true},
		{"what is refused, leniently", DropUnsupported, LogitBias, "logit_bias", "", "logit_bias;unsupported", false},
		{"what has no rule", "", TopP, "top_p", "unsupported_parameter top_p", "", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			trip := &Trip{Options: Options{Unsupported: tt.option, Model: "m"}, Request: Request{Temperature: raw.Value("1"), Seed: raw.Value("1"),
				PresencePenalty: raw.Value("1"), LogitBias: raw.Value("{}"), TopP: raw.Value("1")}}
			trip.Request.Use(tt.use, tt.param)
			got := ""
			if err := trip.Judge(rules, Habits{}); err != nil {
				r := err.(*Refusal) //nolint:errorlint // it is documented to be one
				if got = r.Code + " " + r.Param; r.Status != 422 || !strings.Contains(r.Message, "'m'") {
					t.Errorf("%d %s", r.Status, r.Message)
				}
			}
			if got != tt.want {
				t.Errorf("refused with %q, want %q", got, tt.want)
			}
			if w := strings.Join(trip.Warnings, ","); w != tt.warnings {
				t.Errorf("warnings %q, want %q", w, tt.warnings)
			}
			r := &trip.Request
			if stays := len(map[Field]raw.Value{Temperature: r.Temperature, Seed: r.Seed, Penalties: r.PresencePenalty, LogitBias: r.LogitBias, TopP: r.TopP}[tt.use]) > 0; stays != tt.stays {
				t.Errorf("it stays %v, want %v", stays, tt.stays)
			}
		})
	}
}

// A field that OpenAI does not know is for those vendors who do.
func TestJudgeExtensions(t *testing.T) {
	trip := &Trip{Request: Request{Extra: []Member{{"top_k", raw.Value("3")}, {"thing", raw.Value("1")}, {"thing", raw.Value("2")}}}}
	if err := trip.Judge(Rules{Unknown: Always(Warn)}, Habits{Extensions: []string{"top_k"}}); err != nil {
		t.Fatal(err)
	}
	odd := Trip{Request: Request{Extra: []Member{{"a\r\nb, c;é" + strings.Repeat("d", 100), raw.Value("1")}}}}
	if err := odd.Judge(Rules{Unknown: Always(Warn)}, Habits{}); err != nil || odd.Warnings[0] != "a__b__c__"+strings.Repeat("d", 54)+";unsupported" {
		t.Errorf("a header cannot hold %q: %v", odd.Warnings, err)
	}
	if got := fmt.Sprintf("%s %d %s", trip.Warnings, len(trip.Request.Extra), []byte(trip.Request.Extension("top_k"))); got != "[thing;unsupported] 1 3" {
		t.Error(got)
	}
	if trip.Request.Extension("thing") != nil {
		t.Error("what nobody knows is still there")
	}
}

// What is dropped leaves the request, wherever it stood.
func TestJudgeDrops(t *testing.T) {
	picture := Block{What: Image, Media: &Media{URL: raw.Text("https://a"), Detail: "high"}, Cache: "default"}
	full := func() Request {
		return Request{
			Turns: turns(user(text("?"), picture), assistant(call("a", "f")),
				user(Block{What: Result, ID: "a", Blocks: []Block{text("r"), {What: Image, Media: &Media{URL: raw.Text("https://b")}}}}, Block{What: Audio, Media: &Media{}}, Block{What: File, Media: &Media{}})),
			Tools:  []Tool{{Name: "f", Strict: true, Cache: "1h"}, {Name: "c", Custom: true}},
			Choice: Choice{Mode: Force, Name: "f", Among: []string{"f"}}, NoParallel: true,
			Format: Format{JSON: true}, Effort: "high", User: "u", Tier: "flex", CacheTTL: "1h", N: raw.Value("2"), Stop: []raw.Text{raw.Text("x")},
		}
	}
	count := func(r *Request, what What) (n int) {
		for i := range r.Turns {
			for _, b := range r.Turns[i].Blocks {
				for _, inner := range append([]Block{b}, b.Blocks...) {
					if inner.What == what {
						n++
					}
				}
			}
		}
		return n
	}
	for field, gone := range map[Field]func(*Request) bool{
		ImageURL:        func(r *Request) bool { return count(r, Image) == 0 },
		RemoteImage:     func(r *Request) bool { return count(r, Image) == 0 },
		InputAudio:      func(r *Request) bool { return count(r, Audio) == 0 && count(r, Image) == 2 },
		FilePart:        func(r *Request) bool { return count(r, File) == 0 },
		ImageDetail:     func(r *Request) bool { return r.Turns[0].Blocks[1].Media.Detail == "" },
		CacheMarks:      func(r *Request) bool { return r.CacheTTL+r.Tools[0].Cache+r.Turns[0].Blocks[1].Cache == "" },
		StrictTools:     func(r *Request) bool { return !r.Tools[0].Strict },
		CustomTools:     func(r *Request) bool { return len(r.Tools) == 1 },
		ChoiceForced:    func(r *Request) bool { return r.Choice.Mode == Auto && r.Choice.Among != nil },
		ChoiceAmong:     func(r *Request) bool { return r.Choice.Among == nil && r.Choice.Mode == Force },
		ParallelCalls:   func(r *Request) bool { return !r.NoParallel },
		FormatObject:    func(r *Request) bool { return !r.Format.JSON },
		ReasoningEffort: func(r *Request) bool { return r.Effort == "" },
		EndUser:         func(r *Request) bool { return r.User == "" },
		ServiceTier:     func(r *Request) bool { return r.Tier == "" },
		Choices:         func(r *Request) bool { return r.N == nil },
		StopWords:       func(r *Request) bool { return r.Stop == nil },
	} {
		trip := &Trip{Request: full()}
		if gone(&trip.Request) {
			t.Errorf("%s: it was never there", field)
		}
		trip.Request.Use(field, "x")
		if err := trip.Judge(Rules{field: Always(Warn)}, Habits{}); err != nil || !gone(&trip.Request) || len(trip.Warnings) != 1 {
			t.Errorf("%s: %v, %q, %+v", field, err, trip.Warnings, trip.Request)
		}
	}
}

func TestTools(t *testing.T) {
	long := strings.Repeat("x", 70)
	trip := &Trip{Request: Request{
		Turns: turns(user(text("?")), assistant(call("a", "get weather")), user(result("a"))),
		Tools: []Tool{{Name: "get weather"}, {Name: "get_weather"}, {Name: "größe"}, {Name: long}, {Name: "2nd"}, {Name: "plain", Custom: true}},
	}}
	if err := trip.Settle(Habits{LetterFirst: true}); err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]bool)
	for _, tool := range trip.Request.Tools {
		name := trip.Name(tool.Name)
		if len(name) > 64 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" || name[0] == '2' || seen[name] {
			t.Errorf("%s became %s", tool.Name, name)
		}
		seen[name] = true
		restorer := Restorer{Trip: trip}
		if evs := restorer.Restore([]Event{{Kind: Open, What: Call, Name: raw.Text(name)}}); evs[0].Name.String() != tool.Name {
			t.Errorf("%s came back as %s", tool.Name, evs[0].Name)
		}
	}
	if trip.Name("plain") != "plain" || trip.Name("get_weather") != "get_weather" {
		t.Error("a name that fits was changed")
	}
}

func TestForm(t *testing.T) {
	schema := raw.Value(`{"type":"object"}`)
	for _, tt := range []struct {
		name   string
		habits Habits
		format Format
		tools  []Tool
		want   string // the tool that stands for it, the instruction, the warning, and whether it stays
	}{
		{"none", Habits{}, Format{}, nil, " false [] false"},
		{"held to JSON", Habits{NativeObject: true}, Format{JSON: true}, nil, " false [] true"},
		{"asked for JSON", Habits{NativeSchema: true}, Format{JSON: true}, nil, " true [response_format;instructed] false"},
		{"held to a schema", Habits{NativeSchema: true}, Format{JSON: true, Schema: schema}, nil, " false [] true"},
		{"held to a schema beside tools", Habits{NativeSchema: true, SchemaWithTools: true}, Format{JSON: true, Schema: schema}, []Tool{{Name: "f"}}, " false [] true"},
		{"asked for a schema beside tools", Habits{NativeSchema: true}, Format{JSON: true, Schema: schema}, []Tool{{Name: "f"}}, " true [response_format;instructed] false"},
		{"made to call a tool", Habits{}, Format{JSON: true, Schema: schema}, nil, "json_output false [] false"},
		{"asked, where nothing can be forced", Habits{NoForce: true}, Format{JSON: true, Schema: schema}, nil, " true [response_format;instructed] false"},
	} {
		trip := &Trip{Request: Request{Turns: turns(user(text("?"))), Format: tt.format, Tools: slices.Clone(tt.tools)}}
		if err := trip.Settle(tt.habits); err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		r := &trip.Request
		if got := fmt.Sprint(trip.JSONTool, " ", r.Turns[0].Role == System, " ", trip.Warnings, " ", r.Format.JSON); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
		if trip.JSONTool != "" && (r.Choice.Mode != Force || r.Choice.Name != trip.JSONTool || !r.NoParallel || len(r.Tools) != 1) {
			t.Errorf("%s: %+v of %+v", tt.name, r.Choice, r.Tools)
		}
	}
}

func TestObject(t *testing.T) {
	for _, tt := range []struct {
		block Block
		want  string
		warns int
	}{
		{Block{What: Call, Args: raw.Quote(` {"a":1} `)}, `{"a":1}`, 0},
		{Block{What: Call, Args: raw.Text("")}, `{}`, 0},
		{Block{What: Call, Args: raw.Quote(`{"a":`)}, `{"rawInvalidInput":"{\"a\":"}`, 1},
		{Block{What: Call, Args: raw.Quote(`[1]`)}, `{"rawInvalidInput":"[1]"}`, 1},
		{Block{What: Custom, Text: raw.Quote("ls\n")}, `{"input":"ls\n"}`, 0},
	} {
		trip := &Trip{}
		if got := string(trip.Object(&tt.block)); got != tt.want || len(trip.Warnings) != tt.warns {
			t.Errorf("%s: %s, %q", tt.block.Args, got, trip.Warnings)
		}
	}
}
