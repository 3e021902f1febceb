package config

// Options says what to load. The zero value loads nothing, which is a valid,
// empty Config.
type Options struct {
	// Paths are files or folders. Folders are read recursively for names that
	// end in .yaml, .yml or .json and do not begin with a dot. A path that does
	// not exist is a problem.
	Paths []string

	// BackendsDir holds custom backends, each as NAME/backend.yaml. An empty
	// name means none; an absent folder is a problem only with BackendsRequired.
	BackendsDir      string
	BackendsRequired bool

	// DefaultBackend is the ID of the backend that takes what no route matches,
	// or "". Naming one that is not configured is a problem.
	DefaultBackend string

	// Aliases give models other names, each as PATTERN=REPLACEMENT. The first whose
	// pattern fits where the name begins decides; the replacement may hold \1 for the
	// pattern's first group.
	Aliases []string

	// ForceContextWindow takes the place of every model's input limit and context
	// window, in tokens, those of models included that have neither. 0 is none.
	ForceContextWindow int64

	// Sources are documents that do not come from files.
	Sources []Source

	// LookupEnv finds environment variables, as os.LookupEnv does. Nil means
	// that there are none.
	LookupEnv func(string) (string, bool)
}

// Source is a file's worth of documents that are in memory already.
type Source struct {
	Name string // stands where a file's name would in messages
	Data []byte // not modified and not kept
}

// Load reads, checks and joins everything that o names. Its error is a
// Problems that holds all there is to complain about; there is no Config then.
// Relative paths, those inside the documents included, are relative to the
// working directory.
func Load(o Options) (*Config, error) {
	a := assemble(o, readInputs(o))
	if len(a.problems) > 0 {
		return nil, a.problems
	}
	return a.config, nil
}
