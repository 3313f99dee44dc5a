package policy

// place is where a value stands in the file: a tree of the same shape as the decoded TOML. The TOML library tells the
// line of a syntax error alone, so the keys are found a second time, here; agree holds the two readings together.
type place struct {
	line  int
	keys  map[string]*place // of a table
	items []*place          // of an array, and of an array of tables
}

// agree says where a decoded value and its places are not of the same shape: nil if they are, else the place to blame.
func (p *place) agree(v any) *place {
	switch v := v.(type) {
	case map[string]any:
		if len(v) != len(p.keys) || p.items != nil {
			return p
		}
		for k, e := range v {
			c := p.keys[k]
			if c == nil {
				return p
			}
			if wrong := c.agree(e); wrong != nil {
				return wrong
			}
		}
		return nil
	case []map[string]any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = v[i]
		}
		return p.agree(list)
	case []any:
		if len(v) != len(p.items) || p.keys != nil {
			return p
		}
		for i, e := range v {
			if wrong := p.items[i].agree(e); wrong != nil {
				return wrong
			}
		}
		return nil
	}
	if len(p.keys)+len(p.items) > 0 {
		return p
	}
	return nil
}

// child is the place of a key, made when it is new.
func (p *place) child(key string, line int) *place {
	if c := p.keys[key]; c != nil {
		return c
	}
	c := &place{line: line}
	if p.keys == nil {
		p.keys = map[string]*place{}
	}
	p.keys[key] = c
	return c
}

// table is p itself, or the latest element of an array of tables, which is what a header's further keys go into.
func (p *place) table() *place {
	if n := len(p.items); n > 0 {
		return p.items[n-1]
	}
	return p
}
