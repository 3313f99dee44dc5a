package action

// gemini is Google's Generative Language API (ai.google.dev/api). The model stands in the path.
func gemini() *Service {
	return &Service{
		Base:    "https://generativelanguage.googleapis.com",
		Refusal: RefusalGoogle,
		Hosts: []Host{{
			Pattern: mustHost("generativelanguage.googleapis.com"),
			// An OAuth token may stand in three further places, where one of the child's own must not.
			Slots:  []Slot{{Header, "x-goog-api-key"}, {Query, "key"}, {Bearer, ""}, {Query, "access_token"}, {Query, "oauth_token"}},
			Routes: mustRoutes(geminiRoutes),
			Refine: refineGoogle,
			Canon:  func(_, v string) (string, error) { return modelName(v) },
		}},
	}
}

const geminiRoutes = `
write POST   /{version}/models/{model}:generateContent        generate_content models.generateContent -> model:{model}
write POST   /{version}/models/{model}:streamGenerateContent  generate_content models.streamGenerateContent -> model:{model}
write POST   /{version}/models/{model}:batchGenerateContent   create_batch     models.batchGenerateContent -> model:{model}
write POST   /{version}/models/{model}:predict                generate_media   models.predict -> model:{model}
write POST   /{version}/models/{model}:predictLongRunning     generate_media   models.predictLongRunning -> model:{model}
read  POST   /{version}/models/{model}:countTokens            count_tokens     models.countTokens -> model:{model}
write POST   /{version}/models/{model}:embedContent           embed            models.embedContent -> model:{model}
write POST   /{version}/models/{model}:batchEmbedContents     embed            models.batchEmbedContents -> model:{model}
read  GET    /{version}/models                                list_models      models.list
read  GET    /{version}/models/{model}                        get_model        models.get -> model:{model}
read  GET    /{version}/files                                 list_files       files.list
read  GET    /{version}/files/{file}                          get_file         files.get
write POST   /{version}/files                                 upload_file      files.create
write POST   /upload/{version}/files                          upload_file      media.upload
write DELETE /{version}/files/{file}                          delete_file      files.delete
read  GET    /{version}/cachedContents                        list_caches      cachedContents.list
read  GET    /{version}/cachedContents/{id}                   get_cache        cachedContents.get
write POST   /{version}/cachedContents                        create_cache     cachedContents.create
write PATCH  /{version}/cachedContents/{id}                   update_cache     cachedContents.patch
write DELETE /{version}/cachedContents/{id}                   delete_cache     cachedContents.delete
read  GET    /{version}/operations/{id}                       get_operation    operations.get
read  GET    /{version}/models/{model}/operations/{id}        get_operation    models.operations.get -> model:{model}
read  GET    /{version}/batches/{id}                          get_batch        batches.get
write POST   /{version}/batches/{id}:cancel                   cancel_batch     batches.cancel
`
