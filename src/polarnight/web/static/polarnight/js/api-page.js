// The page of the API: the interface that ninja brings, told where our schema is.

import { csrfToken } from "./api.js";
import { isDark } from "./base.js";

// It goes by a class of its own, not by the scheme of the page.
const paint = () => document.documentElement.classList.toggle("dark-mode", isDark());
paint();
document.addEventListener("polarnight:theme", paint);

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
