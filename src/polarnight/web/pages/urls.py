"""Addresses of the pages; a page is one line here and, where it belongs there, one in `context`."""

from __future__ import annotations

from django.urls import path

from polarnight.web.pages import about, account, explore, frame, home, login

__all__ = ["urlpatterns"]

urlpatterns = [
    path("", home.home, name="home"),
    path("explore/plot/", explore.plot, name="plot"),
    path("explore/data/", explore.data, name="data"),
    path("frames/<str:kind>/<int:pk>/", frame.frame, name="frame"),
    path("about/", about.about, name="about"),
    path("login/", login.log_in, name="login"),
    path("logout/", login.log_out, name="logout"),
    path("account/", account.account, name="account"),
    path("account/password/", account.change_password, name="password"),
    path("account/tokens/", account.make_token, name="token-make"),
    path("account/tokens/<int:pk>/revoke/", account.revoke_token, name="token-revoke"),
]
