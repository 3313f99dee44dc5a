package action

// The groups that a policy may name instead of single actions. None of them, `*` included, ever matches an action of
// class Unknown.
const (
	GroupRead  = "read"
	GroupWrite = "write"
	GroupAdmin = "admin"
	GroupAll   = "*"
)

// Lookup gives a built-in service by its name, nil where there is none.
func Lookup(name string) *Service { return Services()[name] }

// Names are the built-in services' names, sorted.
func Names() []string { return nil }

// Services are the built-in services by name.
func Services() map[string]*Service { return nil }

// NewService makes a user's own service.
func NewService(name string, hosts []string, auth []Slot, actions map[string]string) (*Service, []error) {
	return nil, []error{errTodo}
}

// Host gives the first host of the service that serves a, nil where none does.
func (s *Service) Host(a Authority) *Host { return nil }

// Knows says whether name is a group, action or operation of this service, and its class.
func (s *Service) Knows(name string) (Class, bool) { return Unknown, false }

// ActionNames are all names that a policy may use for this service, sorted.
func (s *Service) ActionNames() []string { return nil }
