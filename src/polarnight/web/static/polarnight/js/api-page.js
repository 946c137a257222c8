// The page of the API: the interface that ninja brings, told where our schema is.

import { csrfToken } from "./api.js";

const place = document.getElementById("swagger-ui");
if (place && window.SwaggerUIBundle) {
  window.SwaggerUIBundle({
    url: place.dataset.schema,
    domNode: place,
    layout: "BaseLayout",
    deepLinking: true,
    validatorUrl: null,
    tryItOutEnabled: false,
    requestInterceptor: (/** @type {any} */ request) => {
      request.headers["X-CSRFToken"] = csrfToken();
      return request;
    },
  });
}
