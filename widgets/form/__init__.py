"""Forms made from declared fields."""

from widgets.form.field import Choice, Field, field_from
from widgets.form.form import Form

__all__ = ["Choice", "Field", "Form", "field_from"]
