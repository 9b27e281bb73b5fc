"""The apps of the drill: data/apps/NAME/app.yaml. This docstring is the format.

title: what it is, for people
front_door: {service: frontend, port: 80, path: /}      # asked through the API server's proxy;
                            # well = HTTP 200 and, where the body is JSON, no true "error"
install: apply              # apply: as kubectl apply does, with the last-applied annotation
                            # server-side: PATCH as field manager "deploy"
                            # helm: `helm install` of the folder chart/ (values: image, namespace)
load: Deployment/load       # the load generator, left out when the app's own workloads are judged
extra: [tenant]             # other namespaces that it has from the start; may be empty

The other *.yaml files of the folder are its manifests, in the order of their names, with ${image},
${namespace}, ${app}, ${tenant} filled in. Before them the drill makes the namespace, labelled
`stratus.dev/drill: NAME`, and in it the ConfigMap `program` with the key app.py: the one program
(data/app/app.py) that every container mounts. No manifest holds a namespace but ${tenant}.
"""
