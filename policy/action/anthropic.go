package action

// anthropic is Anthropic's API (docs.claude.com/en/api).
func anthropic() *Service {
	return &Service{
		Base: "https://api.anthropic.com",
		Hosts: []Host{{
			Pattern: mustHost("api.anthropic.com"),
			Slots:   []Slot{{Header, "x-api-key"}, {Bearer, ""}},
			Routes:  mustRoutes(anthropicRoutes),
			Refine:  refineModel,
			Refined: mustRoutes(`write POST /v1/messages create_message messages/create -> model:{body}`),
		}},
		Refusal: RefusalNested,
	}
}

// The first route is asked by Claude Code before its first screen, which does not come without an answer.
const anthropicRoutes = `
read  GET    /api/hello                          check_connection api/hello
write POST   /v1/messages                        create_message  messages/create
read  POST   /v1/messages/count_tokens           count_tokens    messages/count-tokens
write POST   /v1/messages/batches                create_batch    batches/create
read  GET    /v1/messages/batches                list_batches    batches/list
read  GET    /v1/messages/batches/{id}           get_batch       batches/get
read  GET    /v1/messages/batches/{id}/results   get_batch       batches/results
write POST   /v1/messages/batches/{id}/cancel    cancel_batch    batches/cancel
write DELETE /v1/messages/batches/{id}           delete_batch    batches/delete
write POST   /v1/complete                        complete        completions/create
read  GET    /v1/models                          list_models     models/list
read  GET    /v1/models/{model}                  get_model       models/get -> model:{model}
read  GET    /v1/files                           list_files      files/list
read  GET    /v1/files/{id}                      get_file        files/get
read  GET    /v1/files/{id}/content              get_file        files/content
write POST   /v1/files                           upload_file     files/create
write DELETE /v1/files/{id}                      delete_file     files/delete
read  GET    /v1/skills                          list_skills     skills/list
read  GET    /v1/skills/{rest...}                get_skill       skills/read
write POST   /v1/skills                          create_skill    skills/create
write DELETE /v1/skills/{id}                     delete_skill    skills/delete
admin GET    /v1/organizations/{rest...}         read_organization   organizations/read
admin *      /v1/organizations/{rest...}         change_organization organizations/change
`
