// Where pictures come from.
import { withToken } from "../core/api.js";

/** Where the picture of an image block or element comes from. */
export function imageAddress(image) {
  const { slack_file: file } = image;
  return withToken(image.image_url ?? file?.url ?? (file?.id ? `/files/${file.id}/image` : ""));
}
