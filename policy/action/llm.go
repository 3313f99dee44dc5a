package action

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// maxPrompt bounds the bodies in which a model is named; it is Anthropic's own limit for a request (docs.claude.com,
// "Errors": 413 above 32 MB).
const maxPrompt = 32 << 20

// models are the operations that run the model which their body names. A batch runs those of its items, whatever stands beside them.
var models = wordSet{text: `responses/create responses/compact responses/input-tokens chat/create-completion completions/create embeddings/create
	moderations/create images/generate images/edit images/vary audio/speech audio/transcribe audio/translate fine-tuning/create
	messages/create copilot/chat copilot/responses copilot/messages`}

// refineModel takes the model from the JSON body of an operation that runs one. A body in which it cannot be read makes
// the request unknown, since a rule may refuse a model; a form with files (audio, images) names none.
func refineModel(r *Request, m *Match) {
	a := &m.Actions[0]
	if r.Method != "POST" || !models.has(a.Operation) {
		return
	}
	kind, err := contentType(r)
	if err == nil && kind == "multipart/form-data" {
		return
	}
	name, others, err := m.modelsOf(r)
	if err != nil {
		m.deny(err.Error())
		return
	}
	if name != "" {
		a.Resource = Resource{"model", name}
	}
	also := *a
	also.Also = true
	for _, name := range others {
		also.Resource = Resource{"model", name}
		m.Actions = append(m.Actions, also)
		m.Reason = "one of its tools asks the model " + clip(name)
	}
}

// modelsOf reads the body once, for what its arguments do besides too (see aside): the model that it names, and those that its
// tools ask (OpenAI's image_generation, Anthropic's advisor).
func (m *Match) modelsOf(r *Request) (name string, others []string, err error) {
	b, err := rawBody(r, maxPrompt)
	if err != nil || len(b) == 0 {
		return "", nil, err
	}
	if err := isJSON(r); err != nil {
		return "", nil, err
	}
	body, err := strictFields(b, append(topFields(asides[m.Service.Name+" "+m.Actions[0].Operation]), "model", "tools")...)
	if err != nil {
		return "", nil, fmt.Errorf("the model cannot be read: %w", err)
	}
	m.args = body
	if v := body["model"]; v != nil {
		if name, err = modelName(v); err != nil {
			return "", nil, err
		}
	}
	tools, _ := body["tools"].([]any)
	for _, tool := range tools {
		tool, _ := tool.(map[string]any)
		if tool["model"] == nil {
			continue
		}
		other, err := modelName(tool["model"])
		if err != nil {
			return "", nil, fmt.Errorf("a tool: %w", err)
		}
		if other != name && !slices.Contains(others, other) {
			others = append(others, other)
		}
	}
	return name, others, nil
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
