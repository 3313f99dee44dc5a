package action

import (
	"errors"
	"fmt"
	"strings"
)

// maxPrompt bounds the bodies in which a model is named; it is Anthropic's own limit for a request (docs.claude.com,
// "Errors": 413 above 32 MB).
const maxPrompt = 32 << 20

// refineModel takes the model from the JSON body of an operation that runs one. A body in which it cannot be read makes
// the request unknown, since a rule may refuse a model; a form with files (audio, images) names none.
func refineModel(r *Request, m *Match) {
	a := &m.Actions[0]
	if r.Method != "POST" || a.Class != Write || a.Resource.Kind != "" {
		return
	}
	kind, err := contentType(r)
	if err == nil && kind == "multipart/form-data" {
		return
	}
	name, err := m.modelOf(r)
	if err != nil {
		m.deny(err.Error())
	} else if name != "" {
		a.Resource = Resource{"model", name}
	}
}

// modelOf reads the body once, for what its arguments do besides too (see aside).
func (m *Match) modelOf(r *Request) (string, error) {
	b, err := rawBody(r, maxPrompt)
	if err != nil || len(b) == 0 {
		return "", err
	}
	if err := isJSON(r); err != nil {
		return "", err
	}
	body, err := StrictFields(b, append(topFields(asides[m.Service.Name+" "+m.Actions[0].Operation]), "model")...)
	if err != nil {
		return "", fmt.Errorf("the model cannot be read: %w", err)
	}
	m.args = body
	v, given := body["model"]
	if !given || v == nil {
		return "", nil
	}
	return modelName(v)
}

// modelName refuses what could be read as another name than the one it shows.
func modelName(v any) (string, error) {
	name, ok := v.(string)
	if !ok || name == "" || len(name) > 256 {
		return "", errors.New("the body's model is not a name")
	}
	for i := 0; i < len(name); i++ {
		if name[i] <= ' ' || name[i] >= 0x7f || strings.IndexByte(`*?\`, name[i]) >= 0 {
			return "", fmt.Errorf("the body's model %q is not a name", clip(name))
		}
	}
	return name, nil
}
