"""What masks are made of, as ranges of what a camera sees. Set by eye, not measured on real masks."""

from __future__ import annotations

from dataclasses import dataclass

Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Material:
    """Ranges of one variant's numbers at strength 1; names as in `Mask3dParameters`."""

    half_height: Range
    half_width: Range
    opacity: Range
    smooth_contrast: Range
    flat_colour: Range
    flat_tone: Range
    flat_light: Range
    saturation: Range
    grain: Range
    gloss: Range
    sharpness: Range
    ripple: Range
    shade: Range
    fade: Range
    eye_width: Range
    eye_height: Range
    mouth_width: Range
    mouth_height: Range
    core: Range
    core_opacity: Range
    core_width: Range
    shadow: Range
    shadow_reach: Range


MATERIALS = {
    "latex": Material(
        half_width=(0.42, 0.5),
        half_height=(0.52, 0.62),
        opacity=(1.0, 1.0),
        smooth_contrast=(0.03, 0.08),
        flat_colour=(0.5, 0.9),
        flat_tone=(0.2, 0.5),
        flat_light=(0.2, 0.6),
        saturation=(0.8, 1.3),
        grain=(0.0, 0.008),
        gloss=(0.0, 0.08),
        sharpness=(3.0, 10.0),
        ripple=(0.002, 0.007),
        shade=(0.2, 0.5),
        fade=(0.0, 0.03),
        eye_width=(0.09, 0.13),
        eye_height=(0.035, 0.06),
        mouth_width=(0.12, 0.19),
        mouth_height=(0.01, 0.04),
        core=(0.4, 0.9),
        core_opacity=(0.3, 0.8),
        core_width=(0.006, 0.016),
        shadow=(0.3, 0.8),
        shadow_reach=(0.006, 0.03),
    ),
    "plastic": Material(
        half_width=(0.4, 0.48),
        half_height=(0.48, 0.58),
        opacity=(1.0, 1.0),
        smooth_contrast=(0.02, 0.06),
        flat_colour=(0.2, 0.8),
        flat_tone=(0.1, 0.4),
        flat_light=(0.3, 0.8),
        saturation=(0.8, 1.3),
        grain=(0.0, 0.0),
        gloss=(0.1, 0.4),
        sharpness=(15.0, 60.0),
        ripple=(0.001, 0.004),
        shade=(0.2, 0.5),
        fade=(0.0, 0.005),
        eye_width=(0.07, 0.11),
        eye_height=(0.03, 0.05),
        mouth_width=(0.0, 0.12),
        mouth_height=(0.0, 0.015),
        core=(0.9, 1.6),
        core_opacity=(0.3, 0.8),
        core_width=(0.004, 0.014),
        shadow=(0.3, 0.8),
        shadow_reach=(0.01, 0.05),
    ),
    "silicone": Material(
        half_width=(0.37, 0.45),
        half_height=(0.46, 0.55),
        opacity=(1.0, 1.0),
        smooth_contrast=(0.03, 0.06),
        flat_colour=(0.3, 0.7),
        flat_tone=(0.1, 0.35),
        flat_light=(0.1, 0.4),
        saturation=(0.85, 1.05),
        grain=(0.0, 0.0),
        gloss=(0.06, 0.18),
        sharpness=(8.0, 20.0),
        ripple=(0.0, 0.002),
        shade=(0.1, 0.3),
        fade=(0.05, 0.1),
        eye_width=(0.09, 0.12),
        eye_height=(0.035, 0.055),
        mouth_width=(0.13, 0.19),
        mouth_height=(0.015, 0.045),
        core=(0.55, 0.9),
        core_opacity=(0.3, 0.8),
        core_width=(0.004, 0.012),
        shadow=(0.3, 0.7),
        shadow_reach=(0.002, 0.012),
    ),
    "resin": Material(
        half_width=(0.41, 0.49),
        half_height=(0.5, 0.59),
        opacity=(1.0, 1.0),
        smooth_contrast=(0.04, 0.09),
        flat_colour=(0.5, 0.95),
        flat_tone=(0.2, 0.5),
        flat_light=(0.3, 0.7),
        saturation=(0.7, 1.1),
        grain=(0.0, 0.004),
        gloss=(0.2, 0.6),
        sharpness=(25.0, 90.0),
        ripple=(0.0, 0.003),
        shade=(0.3, 0.7),
        fade=(0.0, 0.006),
        eye_width=(0.1, 0.14),
        eye_height=(0.045, 0.075),
        mouth_width=(0.0, 0.0),
        mouth_height=(0.0, 0.0),
        core=(0.4, 1.3),
        core_opacity=(0.4, 0.9),
        core_width=(0.008, 0.02),
        shadow=(0.5, 0.9),
        shadow_reach=(0.01, 0.04),
    ),
    "sandstone": Material(
        half_width=(0.41, 0.49),
        half_height=(0.5, 0.59),
        opacity=(1.0, 1.0),
        smooth_contrast=(0.03, 0.06),
        flat_colour=(0.3, 0.7),
        flat_tone=(0.2, 0.5),
        flat_light=(0.3, 0.7),
        saturation=(0.55, 0.85),
        grain=(0.008, 0.024),
        gloss=(0.0, 0.0),
        sharpness=(10.0, 10.0),
        ripple=(0.0, 0.0015),
        shade=(0.3, 0.7),
        fade=(0.0, 0.006),
        eye_width=(0.1, 0.14),
        eye_height=(0.045, 0.075),
        mouth_width=(0.0, 0.0),
        mouth_height=(0.0, 0.0),
        core=(1.0, 1.5),
        core_opacity=(0.4, 0.9),
        core_width=(0.008, 0.02),
        shadow=(0.5, 0.9),
        shadow_reach=(0.01, 0.04),
    ),
    "clear": Material(
        half_width=(0.41, 0.49),
        half_height=(0.5, 0.59),
        opacity=(0.0, 0.0),
        smooth_contrast=(0.0, 0.012),
        flat_colour=(0.0, 0.0),
        flat_tone=(0.05, 0.2),
        flat_light=(0.0, 0.0),
        saturation=(0.8, 0.95),
        grain=(0.0, 0.0),
        gloss=(0.25, 0.7),
        sharpness=(60.0, 200.0),
        ripple=(0.002, 0.006),
        shade=(0.0, 0.15),
        fade=(0.0, 0.004),
        eye_width=(0.1, 0.14),
        eye_height=(0.045, 0.075),
        mouth_width=(0.1, 0.18),
        mouth_height=(0.01, 0.03),
        core=(1.2, 1.9),
        core_opacity=(0.3, 0.8),
        core_width=(0.004, 0.01),
        shadow=(0.1, 0.3),
        shadow_reach=(0.005, 0.03),
    ),
}
